"""An objective's window in words. Pure: the document's `window` in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.formatting import budget_words, count, duration, percent


def window_name(window: Mapping[str, Any]) -> str:
    """`rolling 28 d`, `calendar month`, `2 calendar weeks`."""
    if window["kind"] != "calendar":
        return f"rolling {duration(window['seconds'])}"
    units = int(window["count"])
    return f"calendar {window['unit']}" if units == 1 else f"{units} calendar {window['unit']}s"


def window_progress(window: Mapping[str, Any]) -> str:
    """How much of the window was counted; "" where that is all of it."""
    late = window["counted_from"] != window["from"]
    if window["kind"] == "calendar":
        text = f"{percent(window['elapsed'], 1)} of it is counted so far"
        return text + (", from the first event on" if late else "")
    if late:
        return f"the first event came within it: {percent(window['elapsed'], 1)} of it is counted"
    return ""


def extrapolated_words(found: Mapping[str, Any] | None) -> str:
    """What the window would come to at the pace so far, marked as the estimate it is."""
    if found is None:
        return ""
    left = int(found["bad_left"])
    more = f"{count(left)} more" if left >= 0 else f"{count(-left)} too many have failed"
    return (
        f"An estimate: if the rest of the window goes like the part so far, {count(found['total'])}"
        f" are counted in the end, of which {count(found['bad_allowed'])} may fail: {more}"
        f" ({budget_words(found['budget_left'])})."
    )


def previous_words(found: Mapping[str, Any] | None, digits: int) -> str:
    """What the calendar window before came to, by what is known now."""
    if found is None:
        return ""
    if found["sli"] is None:
        return "nothing was counted in it"
    verdict = {True: "kept", False: "not kept", None: "too little was observed to say"}
    share = percent(found["sli"], digits)
    return f"{share} were good, {budget_words(found['budget_left'])}: {verdict[found['kept']]}"
