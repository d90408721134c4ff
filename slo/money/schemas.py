"""JSON shapes of money: what burns the budget, what is at risk now, conversion. RFC 3339 times."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class PartOut(_Out):
    """One part of the failures. `labels` is empty for what is beyond the listed parts.

    `share` of all bad units, exactly `share_exact` (a fraction; those of a list add up to 1);
    `traffic`: share of all counted units; `budget_spent`: bad / allowed of the whole objective.
    """

    labels: dict[str, str]
    bad: int
    total: int
    share: float
    share_exact: str
    traffic: float
    budget_spent: float
    bad_minor: dict[str, int]
    money_share: dict[str, float]


class BurnedByOut(_Out):
    """The parts that stand out in a window, in words and numbers; none contains another's units."""

    start: str = Field(alias="from")
    to: str
    bad: int
    sentence: str
    method: str
    named: list[PartOut]
    by_label: dict[str, list[PartOut]]


class RateOut(_Out):
    """Value per minute in minor units, with its 80 % interval."""

    currency: str
    per_minute_minor: int
    low_minor: int
    high_minor: int


class AtRiskOut(_Out):
    """What fails now. `money` is empty, and means nothing, unless the state is `known`."""

    state: Literal["known", "no_data", "no_attempts"]
    sentence: str
    method: str
    window_s: int
    start: str = Field(alias="from")
    to: str
    bad: int | None
    total: int | None
    money: list[RateOut]


class OrderValueOut(_Out):
    """Average value of a completed unit. `change` against the week before: 0.1 is 10 % more."""

    currency: str
    orders: int
    value_minor: int
    average_minor: int | None
    week_before_minor: int | None
    change: float | None


class ConversionWindowOut(_Out):
    """One span and the same span a week earlier. `ratio` is null where less than 90 % of the span
    was observed. `change` is a difference of ratios (0.01 = one percentage point), null where the
    earlier span cannot be compared; `note` says why.
    """

    window: str
    start: str = Field(alias="from")
    to: str
    completed: int
    ended: int
    ratio: float | None
    coverage: float
    week_before: float | None
    change: float | None
    note: str
    order_values: list[OrderValueOut]


class ConversionOut(_Out):
    """Conversion of the objective's own units. `reason`: why there is none."""

    of: str
    method: str
    reason: str
    windows: list[ConversionWindowOut]
