"""What an alert on missing attempts says to somebody who was just woken. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from kernel.clock import SECOND_US, from_us
from kernel.money import format_money
from slo.objective import Objective, UnitKind
from slo.silence.rule import Lack
from slo.volume.losses import Interval, Volume
from slo.wording import rarity_text, span_text

_NOUNS = {UnitKind.PAYMENT: "payments", UnitKind.CHECKOUT: "checkouts", UnitKind.ITEM: "attempts"}
# Less than this share of what is usual is called a stop, more a drop.
_STOPPED = 0.1


def noun_of(objective: Objective) -> str:
    """What the objective's attempts are called, in the plural."""
    return _NOUNS[objective.indicator.unit_kind]


def silence_title(objective: Objective, source: str, told: Volume) -> str:
    """The headline: what stopped, from where."""
    noun = noun_of(objective).capitalize()
    where = f" from {source}" if source else ""
    share = told.begun / max(1, told.expected.mid)
    if share <= _STOPPED:
        return f"{noun}{where} have stopped arriving"
    return f"{noun}{where} have dropped to {share:.0%} of what is usual"


def silence_text(objective: Objective, told: Volume, found: Lack) -> str:
    """The reason: what began since when, what was expected, why that is not chance."""
    noun = noun_of(objective)
    counted = noun[:-1] if told.begun <= 1 else noun
    begun = f"only {told.begun} {counted} began" if told.begun else f"no {counted} began"
    span = span_text(age_s(told.from_us, told.to_us))
    return (
        f"{begun} since {clock_text(told.from_us)} ({span}), about {told.expected.mid} are usual "
        f"in that time ({told.method}); chance alone does that {rarity_text(found.tail)}"
    )


def gap_title(source: str, since_us: int) -> str:
    """The headline of a source that is not heard."""
    return f"No data from {source} since {clock_text(since_us)}"


def gap_text(source: str, gap_s: int, max_gap_s: int) -> str:
    """The reason: nothing is known, which is neither good nor bad."""
    return (
        f"nothing was heard from {source} for {span_text(gap_s)} (limit {span_text(max_gap_s)}): "
        "until then nothing can be said of its attempts, and burn alerts keep their state"
    )


def missing_text(missing: Interval, cost: Mapping[str, Interval], noun: str) -> str:
    """`About 61 (45 to 80) checkouts are missing, worth about EUR 3,050.00 (...)`."""
    text = f"About {missing.mid:,} ({missing.low:,} to {missing.high:,}) {noun} are missing"
    worth = [
        f"{format_money(one.mid, currency)} ({format_money(one.low, currency)} to "
        f"{format_money(one.high, currency)})"
        for currency, one in cost.items()
        if one.mid
    ]
    return f"{text}, worth about {' and '.join(worth)}" if worth else text


def clock_text(at_us: int) -> str:
    """`03:12:05 UTC`."""
    return from_us(at_us).strftime("%H:%M:%S UTC")


def age_s(since_us: int, now_us: int) -> int:
    """Whole seconds since."""
    return max(0, now_us - since_us) // SECOND_US
