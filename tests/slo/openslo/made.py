"""Generated objectives: everything that an OpenSLO file can say of one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from kernel.clock import DAY_US, MINUTE_US
from kernel.shop_event import DECLINE_CLASSES
from slo.objective import (
    DEFAULT_DEADLINES_S,
    Calendar,
    Indicator,
    Objective,
    Selector,
    Threshold,
    TimeSlices,
    UnitKind,
    Window,
    WrittenTier,
)
from slo.openslo.durations import NOMINAL_US
from slo.openslo.generation import with_generation

KINDS = {
    UnitKind.PAYMENT: ["payment.succeeded", "payment.failed", "payment.expired"],
    UnitKind.CHECKOUT: ["checkout.completed", "checkout.failed", "checkout.expired"],
    UnitKind.ITEM: ["order.placed", "order.fulfilled", "page.viewed"],
}
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
# Any text that can stand in a file: no half characters, no edge spaces (annotations lose them).
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
OWNERS = TEXTS.map(str.strip)
TITLES = TEXTS.map(lambda text: text[:63])
FIELDS = ["provider", "country", "method", "region", "channel", "release"]
VALUES = st.one_of(TEXTS, st.sampled_from(["NO", "true", "010", "1e5", "~", "null", "0x10", ""]))


def shares(least: int = 0) -> st.SearchStrategy[Fraction]:
    """Exact shares below 1, of up to 18 digits."""
    return st.integers(0, 18).flatmap(
        lambda digits: st.integers(least, max(least, 10**digits - 1)).map(
            lambda number: Fraction(number, 10 ** max(digits, 1))
        )
    )


@st.composite
def windows(draw: st.DrawFn) -> Window:
    if draw(st.booleans()):
        return Window(draw(st.integers(1, 400 * 1440)) * MINUTE_US)
    unit = draw(st.sampled_from(["D", "W", "M", "Q", "Y"]))
    most = {"D": 400, "W": 57, "M": 13, "Q": 4, "Y": 1}[unit]
    count = draw(st.integers(1, most))
    calendar = Calendar(
        unit,
        count,
        draw(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1))).replace(microsecond=0),
        draw(st.sampled_from(["Europe/Berlin", "America/New_York", "UTC", "Asia/Kathmandu"])),
    )
    return Window(count * NOMINAL_US[unit], calendar)


@st.composite
def indicators(draw: st.DrawFn) -> Indicator:
    kind = draw(st.sampled_from(list(UnitKind)))
    events = draw(st.sets(st.sampled_from(KINDS[kind]), min_size=1))
    filters = st.dictionaries(
        st.sampled_from(FIELDS), st.frozensets(VALUES, min_size=1), max_size=2
    )
    declines = st.frozensets(st.sampled_from(DECLINE_CLASSES), min_size=1)
    total = Selector(frozenset(events), draw(filters), draw(filters))
    if draw(st.booleans()):
        total = replace(total, exclude_where={"decline_class": draw(declines)})
    if draw(st.booleans()):
        limit = draw(st.floats(allow_nan=False, allow_infinity=False))
        threshold = Threshold(
            "latency_ms", draw(st.sampled_from(["lte", "lt", "gte", "gt"])), limit
        )
        return Indicator(total, threshold=threshold, unit_kind=kind)
    part = Selector(frozenset(draw(st.sets(st.sampled_from(sorted(events)), min_size=1))))
    good = draw(st.booleans())
    return Indicator(total, good=part if good else None, bad=None if good else part, unit_kind=kind)


@st.composite
def tiers(draw: st.DrawFn, budget: Fraction, window_s: int) -> tuple[WrittenTier, ...]:
    names = draw(st.lists(LABELS.filter(lambda one: one != "fast"), max_size=3, unique=True))
    found = []
    for name in names if window_s >= 60 else []:
        long_s = 60 * draw(st.integers(1, window_s // 60))
        short_s = 60 * draw(st.integers(1, long_s // 60))
        share = draw(st.fractions(Fraction(1, 1000), 1, max_denominator=1000))
        found.append(WrittenTier(name, long_s, short_s, share / budget, draw(st.booleans())))
    return tuple(found)


@st.composite
def objectives(draw: st.DrawFn) -> Objective:
    """Any objective that a file can describe, with its generation."""
    target = draw(shares())
    window = draw(windows())
    slices = None
    lengths = [m for m in (1, 5, 15, 60, 1440) if m * MINUTE_US <= window.length_us]
    if draw(st.booleans()):
        share = draw(st.one_of(st.none(), st.just(Fraction(1)), shares(least=1)))
        slices = TimeSlices(draw(st.sampled_from(lengths)) * MINUTE_US, share)
    optional: dict[str, Any] = {
        "description": draw(st.one_of(st.just(""), TEXTS)),
        "segments": tuple(draw(st.lists(st.sampled_from(FIELDS), max_size=4, unique=True))),
        "sources": tuple(draw(st.lists(LABELS, max_size=3, unique=True))),
        "deadlines_s": {
            **DEFAULT_DEADLINES_S,
            **draw(
                st.dictionaries(
                    st.sampled_from(["", "card", "redirect", "wallet"]),
                    st.one_of(st.none(), st.integers(1, 999_999)),
                )
            ),
        },
        "max_gap_s": draw(st.integers(1, 999_999)),
        "min_bad_events": draw(st.integers(1, 1_000_000)),
        "fast_tier": draw(st.booleans()),
        "bump_allowance_s": draw(st.floats(0, 10)),
        "owner": draw(OWNERS),
        "slices": slices,
        "zone": draw(st.sampled_from(["", "Europe/Berlin", "America/St_Johns"])),
        "silence": draw(st.booleans()),
        "no_data": draw(st.sampled_from(["freeze", "neutral", "bad"])),
        "tiers": draw(tiers(1 - target, min(window.length_us, 400 * DAY_US) // 1_000_000)),
    }
    name = draw(LABELS)
    return with_generation(
        Objective(
            id=name,
            display_name=draw(st.one_of(st.just(name), TITLES)),
            service=draw(LABELS),
            target=target,
            indicator=draw(indicators()),
            window=window,
            **optional,
        )
    )
