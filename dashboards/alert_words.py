"""What an alert says on a page: its tier in words, and its reason said once. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

# Tiers that are no window of burn: what each of them saw.
_TIERS: Final = {
    "fast": "fast tier: failures jumped",
    "down": "down tier: at least half of what is tried fails",
    "silence": "attempts that are usual do not begin",
    "no_data": "a source is not heard: neither good nor bad",
}


def tier_sentence(tier: str) -> str:
    """What the tier saw; of one that is named by its window the reason says it."""
    return _TIERS.get(tier, f"{tier} tier")


def call_words(*, page: bool) -> str:
    """Whether somebody is woken for it."""
    return "a page" if page else "a ticket, nobody is woken"


def alert_reason(alert: Mapping[str, Any]) -> str:
    """The reason without the segment at its end, which the page names beside it."""
    named = ", ".join(f"{name}={value}" for name, value in alert["segment"].items())
    return str(alert["reason"]).removesuffix(f" ({named})")


def told_alert(alert: Mapping[str, Any]) -> str:
    """The tier of one of our own alerts as an incident shows it; "" for an alert of others."""
    tier = alert["labels"].get("tier", "")
    if alert["source"] != "tillwatch" or not tier:
        return ""
    saw = _TIERS.get(tier, f"{tier} tier: the budget burns too fast")
    return f"{saw} ({call_words(page=alert['labels'].get('severity') == 'page')})"


def nothing_came(slo: Mapping[str, Any]) -> bool:
    """True where the sources were heard all the time and told nothing of this objective."""
    return slo["state"] == "no_data" and slo["sli"] is None and slo["coverage"] >= 1
