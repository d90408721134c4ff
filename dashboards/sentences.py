"""Status in plain sentences, written by code. Pure: documents in, text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards.formatting import (
    budget_words,
    count,
    duration,
    percent,
    shown_state,
    silent,
    target_digits,
    until,
)
from dashboards.slice_words import gap_sentence
from kernel.money import format_money

_ORDER = {"broken": 0, "at_risk": 1, "no_data": 2, "ok": 3}


def worst_first(slos: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Broken, then at risk, then without data, then kept; inside by budget left."""

    def rank(slo: dict[str, Any]) -> tuple[int, float, str]:
        left = slo["budget_left"]
        return _ORDER.get(shown_state(slo), 0), 1.0 if left is None else left, slo["name"]

    return sorted(slos, key=rank)


def overview_sentence(slos: Sequence[dict[str, Any]], open_incidents: int) -> str:
    """What a reader needs in ten seconds."""
    if not slos:
        return "No promise is defined yet."
    parts = []
    worst: list[dict[str, Any]] = []
    worst_words = ""
    for state, words in (("broken", "broken"), ("at_risk", "at risk"), ("no_data", "without data")):
        found = [slo for slo in slos if shown_state(slo) == state]
        if found:
            worst, worst_words = found, words
            names = ", ".join(slo["name"] for slo in worst_first(found)[:2])
            more = "" if len(found) <= 2 else f" and {len(found) - 2} more"
            verb = "is" if len(found) == 1 else "are"
            parts.append(f"{_number(len(found))} {verb} {words} ({names}{more})")
    if worst and len(worst) == len(slos):
        text = f"{_all(len(slos))} {worst_words}."
    elif parts:
        text = f"Of {_number(len(slos))} promises, {'; '.join(parts)}."
    else:
        text = f"{_all(len(slos))} kept."
    if open_incidents:
        noun = "incident is" if open_incidents == 1 else "incidents are"
        text += f" {_number(open_incidents).capitalize()} {noun} open."
    return text


def slo_sentence(slo: dict[str, Any]) -> str:
    """The promise, how it stands and what may still fail."""
    digits = target_digits(float(slo["target"]))
    if slo["sli"] is None:
        return (
            "Nothing has been counted in this window, so nothing can be said about the promise:"
            " this is neither good nor bad."
        )
    if slo["state"] == "no_data":
        rest = "What happened since" if silent(slo) else "What happened in the rest"
        return f"{_before(slo, digits)} {rest} is not known.{_lost(slo)}"
    verb = "of the time was" if slo["slices"] else "were"
    text = (
        f"{percent(slo['sli'], digits + 1)} {verb} good, {percent(slo['target'], digits)} are"
        f" promised; {_budget(slo['budget_left'])}{_more(slo)}."
    )
    if gap_sentence(slo):
        text += f" {gap_sentence(slo)}"
    return f"{text}{_lost(slo)}"


def _before(slo: dict[str, Any], digits: int) -> str:
    """How it stood when the data ended, or in what was observed of the window."""
    promised = f"{percent(slo['target'], digits)} are promised"
    seen = f"when the data ended ({until(slo)})" if silent(slo) else until(slo)
    counts = slo["counts"]
    if not counts["bad"]:
        return f"None of {count(counts['good'])} had failed {seen}; {promised}."
    return f"{percent(slo['sli'], digits + 1)} were good {seen}; {promised}."


def _lost(slo: dict[str, Any]) -> str:
    lost = [m for m in slo["money"] if m.get("lost_minor")]
    sums = ", ".join(format_money(m["lost_minor"], m["currency"]) for m in lost)
    return f" Not taken because of failures: {sums}." if lost else ""


def _more(slo: dict[str, Any]) -> str:
    left = slo["slices"]["left_s"] if slo["slices"] else slo["bad_left"]
    if not left:
        return ""
    if slo["slices"]:
        size = duration(abs(left))
        return f": {size} more may be bad" if left > 0 else f", it was bad {size} too long"
    size = count(abs(int(left)))
    return f": {size} more may fail" if left > 0 else f", {size} too many have failed"


def _budget(left: float | None) -> str:
    if left is not None and left < 0:
        return f"the error budget is {budget_words(left).replace('over by', 'overspent by')}"
    return f"{budget_words(left)} of the error budget"


def _all(promises: int) -> str:
    known = {1: "The one promise is", 2: "Both promises are"}
    return known.get(promises, f"All {_number(promises)} promises are")


def _number(value: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[value] if value < len(words) else str(value)
