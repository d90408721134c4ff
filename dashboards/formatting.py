"""Numbers, times and states as people read them. Pure.

No data is grey with a reason, never green and never 0 %; a percentage has the digits its target
has; tiny negatives are zero; what is overspent says so in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from kernel.clock import SECOND_US, from_us, parse_rfc3339

# state -> (word, CSS class, sign): colour is never the only carrier.
SLO_STATES: Final = {
    "ok": ("Kept", "ok", "✓"),
    "at_risk": ("At risk", "risk", "▲"),
    "broken": ("Broken", "broken", "✕"),
    "no_data": ("No data", "none", "?"),
}
INCIDENT_STATES: Final = {
    "open": ("Open", "broken", "●"),
    "acknowledged": ("Acknowledged", "risk", "◐"),
    "resolved": ("Resolved", "ok", "✓"),
}
APPROVAL_STATES: Final = {
    "held": ("Not up for a decision", "none", "–"),
    "proposed": ("Being prepared", "none", "…"),
    "pending": ("Waiting for a decision", "risk", "…"),
    "partially_approved": ("Waiting for one more", "risk", "◐"),
    "approved": ("Approved", "risk", "→"),
    "executing": ("Running", "risk", "→"),
    "succeeded": ("Done, checking recovery", "risk", "→"),
    "recovered": ("Recovered", "ok", "✓"),
    "not_recovered": ("Not recovered", "broken", "✕"),
    "rollback_proposed": ("Not recovered, way back proposed", "broken", "✕"),
    "failed": ("Failed", "broken", "✕"),
    "unknown": ("Outcome unknown", "broken", "?"),
    "rejected": ("Rejected", "none", "–"),
    "revoked": ("Taken back", "none", "–"),
    "cancelled": ("Cancelled", "none", "–"),
    "expired": ("Expired", "none", "–"),
    "superseded": ("Superseded", "none", "–"),
    "stale": ("Out of date", "none", "–"),
}
# Held is one state for programs; people want to know what for.
HELD_STATES: Final = {
    "switch": ("Switched off", "none", "–"),
    "queue": ("Comes later", "none", "…"),
    "loop": ("Did not help before", "broken", "✕"),
}
POLICY_STATES: Final = {
    "ok": ("No rule in force", "ok", "✓"),
    "notify": ("Tell the owners", "risk", "▲"),
    "postmortem": ("Postmortem missing", "risk", "▲"),
    "require_approval": ("Approval needed", "risk", "▲"),
    "slow_down": ("Slow down", "risk", "▲"),
    "unknown": ("Nobody can say", "none", "?"),
    "frozen": ("Frozen", "broken", "✕"),
}
OVERRIDE_STATES: Final = {
    "active": ("In force", "risk", "▲"),
    "expired": ("Over", "none", "–"),
    "revoked": ("Taken back", "none", "–"),
}


# What each tier allows, in the words of the glossary.
TIERS: Final = {
    "R0": "only reads",
    "R1": "harmless",
    "R2": "reversible, customers notice",
    "R3": "hard to reverse",
    "R4": "never done by software",
}
# Percent below which a budget counts as exactly spent: what floats leave behind.
_TINY: Final = 1e-9
# Below so many the part behind the point tells something.
_FEW: Final = 10
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DIGEST: Final = re.compile(r"[0-9a-f]{32,}")


def state_parts(states: dict[str, tuple[str, str, str]], state: str) -> tuple[str, str, str]:
    """Word, class and sign of a state; an unknown state is shown as itself, grey."""
    return states.get(state, (state.replace("_", " ").capitalize(), "none", "?"))


def approval_parts(approval: Mapping[str, Any]) -> tuple[str, str, str]:
    """Word, class and sign of an approval; what is held says what for."""
    state = str(approval["state"])
    if state == "held" and approval["held_for"] in HELD_STATES:
        return HELD_STATES[approval["held_for"]]
    return state_parts(APPROVAL_STATES, state)


def shown_state(slo: Mapping[str, Any]) -> str:
    """The objective's state for people: where nothing was counted, nothing was kept either."""
    state = str(slo["state"])
    return "no_data" if state == "ok" and slo["sli"] is None else state


def short(value: object) -> str:
    """Ids and digests cut to what tells them apart; anything else as it is."""
    text = str(value)
    if _UUID.fullmatch(text):
        return f"…{text[-8:]}"
    return f"{text[:12]}…" if _DIGEST.fullmatch(text) else text


def tier_words(tier: str) -> str:
    """What a risk tier means."""
    return TIERS.get(tier, "")


def percent(ratio: Fraction | float | None, digits: int = 2) -> str:
    """`0.99512, 2` becomes `99.51 %`. Never rounds up to 100 % while something is missing."""
    if ratio is None:
        return "no data"
    value = round(float(ratio) * 100, digits)
    if value >= 100 and float(ratio) < 1:
        value = 100 - 10**-digits
    if value == 0:
        value = 0.0
    return f"{value:.{digits}f} %"


def silent(slo: Mapping[str, Any]) -> bool:
    """True where data is missing now, so that the figures are those of the past."""
    return slo["state"] == "no_data" and (slo["no_data"] is None or bool(slo["no_data"]["present"]))


def sli_words(slo: Mapping[str, Any], digits: int) -> str:
    """The share that was good; without data that of the past, and never a bare 100 %."""
    if slo["state"] != "no_data" or slo["sli"] is None:
        return percent(slo["sli"], digits)
    if slo["sli"] >= 1:
        return "none failed"
    return f"was {percent(slo['sli'], digits)}" if silent(slo) else percent(slo["sli"], digits)


def budget_now(slo: Mapping[str, Any]) -> str:
    """What is left of the budget; without new data what was left."""
    left = slo["budget_left"]
    if slo["state"] != "no_data" or left is None:
        return budget_words(left)
    if left >= 1:
        return "nothing was spent"
    return f"was {budget_words(left)}" if silent(slo) else budget_words(left)


def until(slo: Mapping[str, Any]) -> str:
    """What the figures hold for where data is missing: up to when, or for how much of the window.

    "" where nothing is missing or nothing was counted.
    """
    if slo["state"] != "no_data" or slo["sli"] is None:
        return ""
    if not silent(slo):
        return f"of the {percent(slo['coverage'], 1)} that were observed"
    return f"until {clock_utc(parse_rfc3339(slo['heard_until'] or slo['watermark']))}"


def target_digits(target: float) -> int:
    """Digits behind the point that the target needs: 0.999 needs one, 0.9995 two."""
    text = f"{round(target * 100, 6):f}".rstrip("0")
    return max(1, len(text.partition(".")[2]))


def budget_words(left: float | None) -> str:
    """`0.41` becomes `41 % left`, `-0.94` becomes `over by 94 %`."""
    if left is None:
        return "no data"
    size = abs(left) * 100
    if size < _TINY:
        return "0 % left"
    words = f"{size:.0f} %" if size >= 1 else "less than 1 %"
    return f"{words} left" if left > 0 else f"over by {words}"


def count(number: int | None) -> str:
    """Thousands apart by commas."""
    return "no data" if number is None else f"{number:,}"


def allowance(bad_left: float | None) -> str:
    """How many may still fail; what is overspent says so."""
    if bad_left is None:
        return "no data"
    whole = int(bad_left)
    return count(whole) if whole >= 0 else f"{count(-whole)} too many"


def allowed_words(allowed: float) -> str:
    """How many may fail in all; a few with a digit: "1 of 1 failed" is not "25 % left"."""
    whole = int(allowed)
    return count(whole) if allowed == whole or whole >= _FEW else f"{allowed:.1f}"


def capital(text: str) -> str:
    """The first letter large, the rest as it is; no full stop at the end."""
    return (text[:1].upper() + text[1:]).rstrip(".")


def duration(seconds: float) -> str:
    """`95` becomes `1 min 35 s`; the two largest units."""
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, secs = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (secs, "s")]
    shown = [f"{value} {unit}" for value, unit in parts if value]
    return " ".join(shown[:2]) or "0 s"


def ago(at_us: int, now_us: int) -> str:
    """How long ago, in words."""
    return f"{duration((now_us - at_us) / SECOND_US)} ago"


def left(until_us: int, now_us: int) -> str:
    """How much time is left, in words."""
    if until_us <= now_us:
        return "over"
    return f"{duration((until_us - now_us) / SECOND_US)} left"


def clock_utc(at_us: int) -> str:
    """Day and time in UTC, for readers without scripts."""
    return from_us(at_us).strftime("%d %b %H:%M:%S UTC")


def burn_words(rate: float | None) -> str:
    """A burn rate with as many digits as it deserves."""
    if rate is None:
        return "–"
    return f"{rate:.1f}×" if rate < 100 else f"{rate:,.0f}×"


def burn_now(slo: Mapping[str, Any], span: str) -> str:
    """The burn rate of a span up to now; without new data nobody knows it."""
    return burn_words(None if silent(slo) else slo["burn_rates"][span])


def points_words(change: float) -> str:
    """A difference of two shares in percentage points: `-0.012` becomes `1.2 points less`."""
    return _more_or_less(f"{abs(change) * 100:.1f}", "points", change)


def change_words(change: float) -> str:
    """A relative change: `0.08` becomes `8.0 % more`."""
    return _more_or_less(f"{abs(change) * 100:.1f}", "%", change)


def _more_or_less(size: str, unit: str, change: float) -> str:
    if not float(size):
        return "unchanged"
    return f"{size} {unit} {'more' if change > 0 else 'less'}"
