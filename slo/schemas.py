"""What slo answers: the JSON of `GET /api/slos/{id}` and its parts. Times are RFC 3339."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from slo.forecast.schemas import ForecastOut
from slo.money.schemas import AtRiskOut, BurnedByOut, ConversionOut, PartOut

State = Literal["ok", "at_risk", "broken", "no_data"]


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class CountsOut(_Out):
    """Attempts of the window. `pending` has no outcome yet; null where it is not told apart."""

    good: int
    bad: int
    excluded: int
    pending: int | None


class MoneyOut(_Out):
    """Value in minor units of one currency; `budget_left` is that of the share of money.

    `allowed_minor` may fail in the window, `left_minor` still may (negative: overspent), both
    rounded down; `allowed_exact` is a fraction that adds up over segments. `lost_minor` counts a
    checkout once, if no payment of it succeeded within 30 minutes; the whole method is the
    objective's `money_method`. `sentence` is that of the whole objective's amounts.
    """

    currency: str
    good_minor: int
    bad_minor: int
    lost_minor: int
    budget_left: float | None
    allowed_minor: int = 0
    allowed_exact: str = "0"
    left_minor: int = 0
    sentence: str = ""


class WindowOut(_Out):
    """The objective's window. It is counted from `from` to `to`, the watermark.

    `ends`: where the window itself ends (later than `to` in a calendar window, whose budget is that
    of the events so far). `seconds` is the nominal length of a calendar window, whose real one is
    `ends` - `from`. `counted_from` is later than `from` where a source was first heard within the
    window, and `elapsed` is the share of the whole window between `counted_from` and `to`.
    `zone`, `unit` and `count` are those of a calendar window.
    """

    kind: Literal["rolling", "calendar"] = "rolling"
    seconds: int
    start: str = Field(alias="from")
    to: str
    ends: str
    counted_from: str
    elapsed: float
    zone: str | None = None
    unit: Literal["day", "week", "month", "quarter", "year"] | None = None
    count: int | None = None


class ExtrapolatedOut(_Out):
    """What a calendar window would come to if the rest of it went like the part so far.

    An estimate beside the budget, never part of it. `method` says how it was made.
    """

    method: str
    total: int
    bad_allowed: int
    bad_left: int
    budget_left: float


class PreviousOut(_Out):
    """What the calendar window before this one came to, by what is known now.

    `kept` is null where nothing was counted, or where too little of it was observed to say so.
    """

    start: str = Field(alias="from")
    to: str
    counts: CountsOut
    sli: float | None
    budget_left: float | None
    coverage: float
    kept: bool | None


class SlicesOut(_Out):
    """The budget of an objective that budgets by slices of time.

    `sli`, `budget_left` and `bad_left` of the objective are then in slices, while `counts`,
    `money`, `segments` and `burn_rates` stay in attempts: those add up to the whole, slices do not.
    `bad` has a fraction by RatioTimeslices, where each slice spends its bad share. `neutral` slices
    had no attempt and `missing` ones no data: both are left out of `counted`, but for `gaps`, which
    the rule "bad" counts as bad. `*_s`: the same in seconds. The open slice is not judged yet.
    """

    method: Literal["Timeslices", "RatioTimeslices"]
    length_s: int
    target: float | None
    counted: int
    bad: float
    neutral: int
    missing: int
    gaps: int
    bad_s: int
    allowed_s: int
    left_s: int


class NoDataOut(_Out):
    """What missing data does to this objective.

    `gap_s`: seconds of the window that were not observed. `spent`: share of the budget that they
    took, 0 but for the rule "bad". `present`: why data is missing now, empty where it is not.
    """

    rule: Literal["freeze", "neutral", "bad"]
    gap_s: int
    spent: float
    present: str


class AlertTierOut(_Out):
    """An alert that is open now."""

    id: str
    tier: str
    since: str
    page: bool
    segment: dict[str, str]
    reason: str
    kind: str = "burn"
    title: str = ""
    source: str = ""


class ExpectedOut(_Out):
    """Attempts begun in the newest 10 minutes, and what is usual then (80 % lie in low..high)."""

    start: str = Field(alias="from")
    to: str
    begun: int
    low: int
    mid: int
    high: int
    basis: str
    method: str


class CostOut(_Out):
    """What missing attempts would have brought, in minor units of one currency."""

    currency: str
    low_minor: int
    mid_minor: int
    high_minor: int


class LostEstimateOut(_Out):
    """Attempts that should have begun since the onset of what is open, and did not.

    expected - begun, an interval that holds in 80 of 100 cases; "from" may be later than "since"
    and "to" earlier than now, where the estimate goes no further.
    """

    since: str
    start: str = Field(alias="from")
    to: str
    source: str
    begun: int
    low: int
    mid: int
    high: int
    cost: list[CostOut]
    method: str


class SegmentOut(_Out):
    """One segment's part; the parts add up to the whole. `key` maps field to value."""

    key: dict[str, str]
    counts: CountsOut
    sli: float | None
    budget_left: float | None
    burn_rates: dict[str, float | None]
    state: State
    money: list[MoneyOut]


class UncorrectedOut(_Out):
    """The same window with nothing left out; equal to the main figures without a correction."""

    counts: CountsOut
    sli: float | None
    budget_left: float | None
    bad_left: int | None


class CorrectionInForceOut(_Out):
    """An approved correction that leaves something out of the window, does so now, or will.

    `occurrences` and `seconds` are those inside the window; `segment` {} is everything. `until` is
    set while one goes on, `next` where one is to come.
    """

    id: str
    category: str
    reason: str
    segment: dict[str, str]
    occurrences: int
    seconds: int
    until: str | None
    next: str | None


class SloOut(_Out):
    """One objective as it stands. `sli`, budgets and burn rates are null where nothing counted.

    Every figure leaves out what the `corrections` in force say, but for those of `uncorrected`.
    `heard_until`: when the source that is silent longest was last heard (null: never), at most the
    watermark. What `list` leaves out is empty there: segments and what follows `money_method`.
    """

    id: str
    name: str
    description: str
    service: str
    owner: str
    target: float
    generation: str
    window: WindowOut
    counts: CountsOut
    sli: float | None
    budget_left: float | None
    bad_left: int | None
    extrapolated: ExtrapolatedOut | None = None
    previous: PreviousOut | None = None
    slices: SlicesOut | None = None
    no_data: NoDataOut | None = None
    burn_rates: dict[str, float | None]
    state: State
    reason: str
    coverage: float
    watermark: str
    heard_until: str | None = None
    sources: list[str]
    money: list[MoneyOut]
    alerts: list[AlertTierOut]
    segments: list[SegmentOut]
    expected: ExpectedOut | None = None
    lost_estimate: LostEstimateOut | None = None
    notes: list[str]
    uncorrected: UncorrectedOut | None = None
    corrections: list[CorrectionInForceOut] = []
    money_method: str = ""
    attribution: list[PartOut] = []
    burned_by: BurnedByOut | None = None
    burning_now: BurnedByOut | None = None
    at_risk: AtRiskOut | None = None
    conversion: ConversionOut | None = None
    forecast: ForecastOut | None = None


class SloListOut(_Out):
    """All objectives, without their segments. `fault`: why they are not what the files say."""

    slos: list[SloOut]
    fault: str = ""


class PointOut(_Out):
    """One step of a series: what was counted in [at, at + step)."""

    at: str
    at_us: int
    good: int
    bad: int
    excluded: int
    sli: float | None


class SeriesOut(_Out):
    """A series of one objective."""

    id: str
    step_s: int
    points: list[PointOut]


class BurnAlertOut(_Out):
    """One burn alert, open or closed."""

    id: str
    objective_id: str
    service: str
    tier: str
    page: bool
    state: Literal["open", "closed"]
    segment: dict[str, str]
    opened_at: str
    onset_at: str
    closed_at: str | None
    reason: str
    close_reason: str
    bad: int
    total: int
    burn_rate: float
    kind: str = "burn"
    title: str = ""
    source: str = ""
