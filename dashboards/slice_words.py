"""What may still go wrong, in attempts or in time, and by which formula. Pure: documents in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from dashboards.formatting import allowance, duration, percent

_BY_ATTEMPTS: Final = {
    "sli": "good / (good + bad) in the window",
    "budget": "1 - bad / ((1 - target) x (good + bad))",
    "left": "(1 - target) x (good + bad) - bad, rounded down",
}
_BY_TIME: Final = {
    "sli": "1 - bad slices / counted slices in the window",
    "budget": "1 - bad slices / ((1 - target) x counted slices)",
    "left": "((1 - target) x counted slices - bad slices) x length of a slice",
}


def formula(slo: Mapping[str, Any], name: str) -> str:
    """The formula of `sli`, `budget` or `left` (what may still fail)."""
    return (_BY_TIME if slo["slices"] else _BY_ATTEMPTS)[name]


def may_fail(slo: Mapping[str, Any]) -> str:
    """`41`, `12 too many`; where time is budgeted `16 h 48 min`, `5 min too long`."""
    slices = slo["slices"]
    if not slices or slo["bad_left"] is None:
        return allowance(slo["bad_left"])
    left_s = int(slices["left_s"])
    return duration(left_s) if left_s >= 0 else f"{duration(-left_s)} too long"


def failed(slo: Mapping[str, Any]) -> str:
    """`30 failed`, or for how long it was bad."""
    slices = slo["slices"]
    if slices:
        return f"{duration(slices['bad_s'])} were bad"
    return f"{slo['counts']['bad']:,} failed"


def slices_sentence(slo: Mapping[str, Any]) -> str:
    """How the slices of the window stand; "" where attempts are budgeted."""
    found = slo["slices"]
    if not found:
        return ""
    length = duration(found["length_s"])
    if found["target"] is None:
        text = f"The mean of the good shares of slices of {length}"
    else:
        text = f"Slices of {length}, good from {percent(found['target'], 1)} of their attempts on"
    text += f": {found['counted']:,} counted"
    if found["gaps"]:
        text += f", {found['gaps']:,} of them without data and so bad"
    text += f", {found['neutral']:,} without an attempt"
    if found["missing"]:
        text += f", {found['missing']:,} without data and left out"
    return text + ". Attempts, money and segments add up to the whole; slices do not."


def gap_sentence(slo: Mapping[str, Any]) -> str:
    """What missing data did to the budget, where the objective's rule is not to wait for it."""
    found = slo["no_data"]
    if not found or found["rule"] == "freeze":
        return ""
    if found["rule"] == "bad" and found["spent"] > 0:
        spent = percent(found["spent"], 1)
        return f"{duration(found['gap_s'])} without data count as failed: {spent} of the budget."
    if found["present"]:
        return "New data is missing at present; what was counted is judged as it is."
    return ""
