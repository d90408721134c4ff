"""From the ledger to the answers about money of one objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from kernel.clock import SECOND_US, rfc3339
from slo.budget import Budget
from slo.fast_tier import SLICE_US
from slo.ledger import LedgerReader, MoneySums, Sums
from slo.ledger.sums import total_of
from slo.ledger_view import SHORT_S, LedgerView
from slo.money import words
from slo.money.at_risk import interval80
from slo.money.attribution import Attribution, BySegment, Part
from slo.money.conversion import units_of
from slo.money.schemas import AtRiskOut, BurnedByOut, PartOut, RateOut
from slo.objective import Objective
from slo.schemas import MoneyOut

MAX_PARTS = 50
# Shortest span over which "now" is measured: twelve slices carry an interval.
LEAST_NOW_S = 60


def takes_money(objective: Objective) -> bool:
    """False where a bad unit was only slow: its money was taken, nothing is lost."""
    return objective.indicator.threshold is None


def money_method(objective: Objective) -> str:
    """How the amounts of `money` are found."""
    lost = words.LOST_METHOD if takes_money(objective) else words.SLOW_METHOD
    return f"{words.BUDGET_METHOD} {lost}"


def money_out(
    sums: Sums, lost: Mapping[str, int], objective: Objective, *, in_words: bool = False
) -> list[MoneyOut]:
    """The value budget of a window, or of a segment's part of it, by currency."""
    found = []
    for currency in sorted({*sums.money, *lost}):
        money = sums.money.get(currency, MoneySums())
        value = Budget(money.bad_minor, money.good_minor + money.bad_minor, objective.budget_ratio)
        found.append(
            MoneyOut(
                currency=currency,
                good_minor=money.good_minor,
                bad_minor=money.bad_minor,
                lost_minor=lost.get(currency, 0),
                budget_left=None if value.left is None else float(value.left),
                allowed_minor=int(value.allowed),
                allowed_exact=str(value.allowed),
                left_minor=value.bad_left,
                sentence=_in_words(value.bad_left, currency, objective) if in_words else "",
            )
        )
    return found


def _in_words(left_minor: int, currency: str, objective: Objective) -> str:
    how = "failed" if takes_money(objective) else "slow"
    return words.budget_sentence(left_minor, currency, how, units_of(objective))


def attribution(objective: Objective, sums: BySegment) -> Attribution:
    """Who burns the objective's budget, by these sums of a window."""
    return Attribution(objective.segments, sums, objective.budget_ratio)


def parts_out(parts: Sequence[Part]) -> list[PartOut]:
    """The parts as JSON says them."""
    return [
        PartOut(
            labels=dict(part.labels),
            bad=part.bad,
            total=part.total,
            share=float(part.share),
            share_exact=str(part.share),
            traffic=float(part.traffic),
            budget_spent=float(part.spent),
            bad_minor=dict(part.bad_minor),
            money_share={code: float(share) for code, share in part.money_share.items()},
        )
        for part in parts
    ]


def burned_by(found: Attribution, from_us: int, to_us: int) -> BurnedByOut:
    """What stands out in the window [from_us, to_us) of `found`, and each field's own partition."""
    named = found.named()
    return BurnedByOut(
        start=rfc3339(max(0, from_us)),
        to=rfc3339(to_us),
        bad=found.whole.bad,
        sentence=words.burned_sentence(found.whole.bad, found.whole.total, named),
        method=words.BURNED_METHOD,
        named=parts_out(named),
        by_label={name: parts_out(found.by([name], MAX_PARTS)) for name in found.names},
    )


def at_risk(reader: LedgerReader, view: LedgerView, since_us: int | None) -> AtRiskOut:
    """What fails per minute now: over the newest 5 min, or since `since_us` (an alert's onset) if
    that is shorter, but at least a minute. Nothing is said while data is missing.
    """
    window_s = _now_s(view, since_us)
    from_us, to_us = view.end_us - window_s * SECOND_US, view.end_us
    if view.no_data:
        sentence = f"Cannot tell what fails now: {view.no_data}."
        return _unknown("no_data", sentence, window_s, (from_us, to_us))
    points = [sums for _, sums in reader.series(view.objective, from_us, to_us, SLICE_US)]
    whole = total_of(points)
    if not whole.total:
        sentence = (
            f"No attempt in the newest {words.span_words(window_s)}: what fails now is not known."
        )
        return _unknown("no_attempts", sentence, window_s, (from_us, to_us))
    lost = reader.lost(view.objective, from_us, to_us) if takes_money(view.objective) else {}
    rates = _rates(points, whole, lost, window_s)
    return AtRiskOut(
        state="known",
        sentence=words.at_risk_sentence(whole.bad, whole.total, rates, window_s),
        method=words.at_risk_method(window_s),
        window_s=window_s,
        start=rfc3339(from_us),
        to=rfc3339(to_us),
        bad=whole.bad,
        total=whole.total,
        money=rates,
    )


def lost_rates(
    reader: LedgerReader, objective: Objective, from_us: int, to_us: int
) -> list[RateOut]:
    """Value of lost baskets per minute in [from_us, to_us); slices of 5 s give the interval."""
    if not takes_money(objective):
        return []
    points = [sums for _, sums in reader.series(objective, from_us, to_us, SLICE_US)]
    lost = reader.lost(objective, from_us, to_us)
    return _rates(points, total_of(points), lost, max(1, (to_us - from_us) // SECOND_US))


def _now_s(view: LedgerView, since_us: int | None) -> int:
    if since_us is None:
        return SHORT_S
    slices = -(-(view.end_us - since_us) // SLICE_US)
    return max(LEAST_NOW_S, min(SHORT_S, slices * SLICE_US // SECOND_US))


def _unknown(state: str, sentence: str, window_s: int, span: tuple[int, int]) -> AtRiskOut:
    return AtRiskOut.model_validate(
        {
            "state": state,
            "sentence": sentence,
            "method": words.at_risk_method(window_s),
            "window_s": window_s,
            "start": rfc3339(max(0, span[0])),
            "to": rfc3339(span[1]),
            "bad": None,
            "total": None,
            "money": [],
        }
    )


def _rates(
    points: Sequence[Sums], whole: Sums, lost: Mapping[str, int], window_s: int
) -> list[RateOut]:
    """The lost value per minute; the interval is that of the tried value, scaled like it."""
    found = []
    for currency, minor in sorted(lost.items()):
        tried = whole.money.get(currency, MoneySums()).bad_minor
        slices = [one.money.get(currency, MoneySums()).bad_minor for one in points]
        interval = interval80(slices)
        scale = Fraction(minor * 60, tried * window_s) if tried else Fraction(0)
        found.append(
            RateOut(
                currency=currency,
                per_minute_minor=round(Fraction(minor * 60, window_s)),
                low_minor=round(interval.low * scale),
                high_minor=round(interval.high * scale),
            )
        )
    return found
