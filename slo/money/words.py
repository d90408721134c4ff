"""Sentences about money and shares, the same in JSON, on the page and at the terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor

from kernel.money import format_money
from slo.ledger.sums import OTHER
from slo.money.attribution import Part
from slo.money.schemas import RateOut

LOST_METHOD = (
    "lost_minor: value of bad units, each checkout once, unless a payment of it succeeded up to"
    " 30 min after its last failure. Known for the newest 7 days; what lies before is taken as the"
    " whole value tried in bad units, which is more."
)
BUDGET_METHOD = (
    "allowed_minor = (1 - target) x (good_minor + bad_minor), left_minor = allowed - bad_minor,"
    " both rounded down; allowed_exact adds up over the segments."
)
SLOW_METHOD = "lost_minor is 0: units that were too slow were taken all the same."
BURNED_METHOD = (
    "share = bad of the part / all bad of the window, exact. Named is the part with the largest"
    " weighted relative accuracy, bad x N - X x total (X bad of N in all), if it fails at least"
    " twice as often as the rest, holds 10 % of the failures and is beyond chance (0.1 %); the next"
    " ones outside of it."
)
CONVERSION_METHOD = (
    "completed / (completed + failed + given up + declined), by the time at which a unit ended;"
    " units under way are in neither. Compared with the same span one week earlier where both were"
    " observed for 90 %."
)

ORDER_VALUE_METHOD = (
    "Average value = value of completed units / completed units that carried an amount, one"
    " currency at a time."
)


def at_risk_method(window_s: int) -> str:
    """How the value per minute is found."""
    return (
        f"value of the baskets that failed in the newest {span_words(window_s)}, each once and only"
        " if not paid after all, per minute; some may still be saved. 80 % interval by the"
        " spread of its 5 s slices (gamma, after Fay and Feuer 1997)."
    )


def share_words(share: Fraction) -> str:
    """`62 %`, rounded down: never 100 % while something is missing, never 0 % where something is.

    Examples: 0.999 is "99 %", 0.004 is "less than 1 %".
    """
    if share <= 0:
        return "0 %"
    whole = floor(share * 100)
    return f"{whole} %" if whole else "less than 1 %"


def label_words(labels: Mapping[str, str]) -> str:
    """`provider adyen, country DE`; an empty value says that the field was not told."""
    if not labels:
        return "everything else"
    return ", ".join(_label(name, value) for name, value in labels.items())


def _label(name: str, value: str) -> str:
    if not value:
        return f"no {name} told"
    return f"any other {name}" if value == OTHER else f"{name} {value}"


def burned_sentence(bad: int, total: int, named: Sequence[Part]) -> str:
    """`62 % of the burn is provider adyen, country DE, method card, with 8 % of the attempts.`"""
    if not total:
        return "Nothing was counted, so nothing can be said about what burns the budget."
    if not bad:
        return "Nothing has failed."
    if not named:
        return "No segment stands out: the failures are spread like the attempts."
    first, *others = named
    share = "All" if first.share == 1 else share_words(first.share)
    text = (
        f"{share} of the burn is {label_words(dict(first.labels))},"
        f" with {share_words(first.traffic)} of the attempts"
    )
    for part in others:
        text += f"; a further {share_words(part.share)} is {label_words(dict(part.labels))}"
    return f"{text}."


def budget_sentence(left_minor: int, currency: str, how: str, units: str) -> str:
    """`11,240.00 EUR of failed payments are still affordable.` `how`: failed, or slow."""
    if left_minor >= 0:
        return f"{format_money(left_minor, currency)} of {how} {units} are still affordable."
    return f"{format_money(-left_minor, currency)} of {how} {units} are beyond the target."


def span_words(window_s: int) -> str:
    """`5 min`, `125 s`."""
    return f"{window_s // 60} min" if window_s % 60 == 0 else f"{window_s} s"


def at_risk_sentence(bad: int, total: int, rates: Sequence[RateOut], window_s: int) -> str:
    """What fails per minute; `rates` by currency."""
    span = span_words(window_s)
    counted = f"{bad:,} of {total:,} attempts failed in the newest {span}"
    if not bad:
        return f"Nothing is failing now: none of {total:,} attempts in the newest {span}."
    if not rates:
        return f"No value is known of what fails now: {counted}."
    each = ", ".join(
        f"{format_money(one.per_minute_minor, one.currency)} per minute"
        f" (80 %: {_bare(one.low_minor, one.currency)} to {_bare(one.high_minor, one.currency)})"
        for one in rates
    )
    return f"Failing now: {each}; {counted}."


def _bare(amount_minor: int, currency: str) -> str:
    return format_money(amount_minor, currency).removesuffix(f" {currency}")
