"""Burn tiers that somebody wrote down: the annotation `tillwatch/tiers`, and OpenSLO's policies.

`quick: 1h/5m x14.4 page; slow: 6h/30m x6 ticket` is name, long window / short window, factor, and
what the tier does. A factor may be a fraction (`x14/15`), so that every exact one can be written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from kernel.clock import MINUTE_US, SECOND_US
from kernel.errors import BadInput
from slo.objective import Objective, WrittenTier
from slo.openslo.alerting import Condition
from slo.openslo.durations import duration_text, duration_us
from slo.openslo.exact import decimal_text
from slo.tiers import Tier, written_tier

MAX_TIERS = 8
# The engine's own tier of that name needs no windows; two of one name could not be told apart.
TAKEN_NAME = "fast"
PAGING_SEVERITY = "page"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_SHAPE = re.compile(
    r"(?P<name>[^:\s]+)\s*:\s*(?P<long>\w+)\s*/\s*(?P<short>\w+)\s+"
    r"x(?P<factor>[0-9.]{1,24}(?:/[0-9]{1,24})?)\s+(?P<does>page|ticket)\Z"
)
# Long to short window where a condition says no `alertAfter`: 12 to 1, as in the SRE workbook.
_LONG_TO_SHORT = 12


def read_tiers(text: str) -> tuple[WrittenTier, ...]:
    """The tiers of an annotation. Raises ValueError that says what is wrong with which."""
    tiers = tuple(_one(part.strip()) for part in text.split(";") if part.strip())
    if not tiers:
        raise ValueError("no tier stands here; leave the annotation out for the usual ones")
    if len(tiers) > MAX_TIERS:
        raise ValueError(f"at most {MAX_TIERS} tiers")
    names = [one.name for one in tiers]
    if len(set(names)) != len(names):
        raise ValueError("two tiers have one name")
    return tiers


def write_tiers(tiers: Sequence[WrittenTier]) -> str:
    """The text that `read_tiers` gives these tiers for."""
    return "; ".join(
        f"{one.name}: {duration_text(one.long_s * SECOND_US)}"
        f"/{duration_text(one.short_s * SECOND_US)}"
        f" x{_factor_text(one.factor)} {'page' if one.page else 'ticket'}"
        for one in tiers
    )


def tier_of_condition(condition: Condition) -> WrittenTier:
    """The tier that a burn condition means. Raises ValueError where it means none.

    `alertAfter` is the short window: the burn must hold over it as well.
    """
    if condition.op not in {"gt", "gte"}:
        raise ValueError(f"{condition.op} would alert while the budget is hardly used; use gte")
    short_us = condition.after_us or max(
        MINUTE_US, condition.lookback_us // _LONG_TO_SHORT // MINUTE_US * MINUTE_US
    )
    tier = WrittenTier(
        condition.name,
        condition.lookback_us // SECOND_US,
        short_us // SECOND_US,
        condition.threshold,
        condition.severity == PAGING_SEVERITY,
    )
    _check(tier)
    return tier


def refusals(objective: Objective) -> list[str]:
    """Why this objective cannot have its tiers; nothing where it can."""
    found = []
    window = "its window" if objective.window.calendar is None else "its shortest calendar window"
    for one in objective.tiers:
        if one.long_s > objective.window.seconds:
            found.append(
                f"tier {one.name}: the long window {duration_text(one.long_s * SECOND_US)} is"
                f" longer than {window} of {duration_text(objective.window.length_us)}"
            )
        tier = Tier(one.name, one.long_s, one.short_s, one.factor, one.page)
        try:
            written_tier(tier, objective.budget_ratio)
        except BadInput as error:
            found.append(f"tier {one.name}: {error.message}; {error.hint}")
    return found


def _one(text: str) -> WrittenTier:
    found = _SHAPE.match(text)
    if found is None:
        raise ValueError(
            f'not a tier: {text[:80]!r}; write "name: long/short xFACTOR page" or "... ticket", '
            'such as "quick: 1h/5m x14.4 page"'
        )
    tier = WrittenTier(
        found["name"],
        duration_us(found["long"]) // SECOND_US,
        duration_us(found["short"]) // SECOND_US,
        _factor(found["factor"]),
        found["does"] == "page",
    )
    _check(tier)
    return tier


def _check(tier: WrittenTier) -> None:
    if not _NAME.match(tier.name):
        raise ValueError(f"a tier's name is lower case letters, digits and dashes: {tier.name!r}")
    if tier.name == TAKEN_NAME:
        raise ValueError('"fast" is the name of the tier that needs no windows; take another')
    if tier.short_s > tier.long_s:
        raise ValueError(f"tier {tier.name}: the short window is longer than the long one")
    if tier.factor <= 0:
        raise ValueError(f"tier {tier.name}: a factor above 0 is wanted")


def _factor(text: str) -> Fraction:
    above, slash, below = text.partition("/")
    if slash and ("." in above or int(below) == 0):
        raise ValueError(f'not a factor: x{text}; write "x14.4" or "x14/15"')
    try:
        return Fraction(int(above), int(below)) if slash else Fraction(Decimal(above))
    except ArithmeticError:
        raise ValueError(f'not a factor: x{text}; write "x14.4" or "x14/15"') from None


def _factor_text(factor: Fraction) -> str:
    return decimal_text(factor) or f"{factor.numerator}/{factor.denominator}"
