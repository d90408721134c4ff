"""What an objective is, once its OpenSLO file is read and checked. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from kernel.clock import DAY_US, SECOND_US
from kernel.shop_event import ShopEvent

DEFAULT_SEGMENTS = ("provider", "country", "method")
# Card 120 s, redirect 15 min, bank transfer never (DESIGN 5). Keyed by `method`; "" is the default.
DEFAULT_DEADLINES_S: Mapping[str, int | None] = {
    "": 120,
    "card": 120,
    "redirect": 900,
    "bank_transfer": None,
}


class UnitKind(StrEnum):
    """What one attempt is: told by the indicator's event types."""

    PAYMENT = "payment"
    CHECKOUT = "checkout"
    ITEM = "item"

    # An Enum's own hash is a call; this one is a key of every table that counting looks into.
    __hash__ = str.__hash__


@dataclass(frozen=True)
class Selector:
    """Which events count: by type, kept by `where`, taken out (as excluded) by `exclude_where`."""

    events: frozenset[str]
    where: Mapping[str, frozenset[str]] = field(default_factory=dict)
    exclude_where: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def keeps(self, event: ShopEvent) -> bool:
        """True where type and every `where` field match."""
        return event.type in self.events and self.fits(event)

    def fits(self, event: ShopEvent) -> bool:
        """True where every `where` field matches, whatever the type (an attempt has no outcome)."""
        return all(_is_one_of(event, name, values) for name, values in self.where.items())

    def excludes(self, event: ShopEvent) -> bool:
        """True where any `exclude_where` field matches."""
        return any(_is_one_of(event, name, values) for name, values in self.exclude_where.items())


def _is_one_of(event: ShopEvent, name: str, values: frozenset[str]) -> bool:
    """What is not set is none of the values, whatever they are called."""
    value = event.field(name)
    return value is not None and str(value) in values


@dataclass(frozen=True)
class Threshold:
    """A unit is good where `value OP limit` holds for the event's numeric field."""

    field: str
    op: Literal["lte", "lt", "gte", "gt"]
    limit: float


@dataclass(frozen=True)
class Indicator:
    """Exactly one of `good`, `bad`, `threshold` says which kept units are good or bad."""

    total: Selector
    good: Selector | None = None
    bad: Selector | None = None
    threshold: Threshold | None = None
    unit_kind: UnitKind = UnitKind.PAYMENT


@dataclass(frozen=True)
class Calendar:
    """Windows that follow each other by the wall clock of `zone` (IANA), `count` units each.

    `start` is wall clock time without a zone: one window begins then, all others before and after
    it. Units: day, ISO week, month, quarter, year; a day that a month lacks is its last day.
    """

    unit: Literal["D", "W", "M", "Q", "Y"]
    count: int
    start: datetime
    zone: str


@dataclass(frozen=True)
class Window:
    """Rolling window of `length_us`; with a `calendar` that is its nominal length only."""

    length_us: int = 28 * DAY_US
    calendar: Calendar | None = None

    @property
    def seconds(self) -> int:
        """Length in seconds (of a calendar window the nominal one: a month has 30 days)."""
        return self.length_us // SECOND_US


@dataclass(frozen=True)
class TimeSlices:
    """Budgeting by slices of time instead of attempts.

    With a `target` a slice is good where its good share reaches it (Timeslices); without one the
    indicator is the mean of the slices' good shares (RatioTimeslices).
    """

    length_us: int
    target: Fraction | None = None


@dataclass(frozen=True)
class WrittenTier:
    """A burn tier that the objective's file writes down instead of the default ones."""

    name: str
    long_s: int
    short_s: int
    factor: Fraction
    page: bool


NoDataRule = Literal["freeze", "neutral", "bad"]


@dataclass(frozen=True)
class Objective:
    """One promise. `target` is exact. `generation` changes when the counting rule changes."""

    id: str
    display_name: str
    service: str
    target: Fraction
    indicator: Indicator
    window: Window = field(default_factory=Window)
    generation: str = ""
    description: str = ""
    segments: tuple[str, ...] = DEFAULT_SEGMENTS
    sources: tuple[str, ...] = ()
    deadlines_s: Mapping[str, int | None] = field(default_factory=lambda: DEFAULT_DEADLINES_S)
    max_gap_s: int = 300
    min_bad_events: int = 5
    fast_tier: bool = True
    bump_allowance_s: float = 1.0
    owner: str = ""
    slices: TimeSlices | None = None
    tiers: tuple[WrittenTier, ...] = ()
    no_data: NoDataRule = "freeze"
    # Wall clock of the shop's week (IANA); "" is that of a calendar window, else UTC.
    zone: str = ""
    silence: bool = True

    @property
    def budget_ratio(self) -> Fraction:
        """The share that may be bad: 1 - target."""
        return 1 - self.target
