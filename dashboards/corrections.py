"""What the page of an objective shows of its corrections."""

from __future__ import annotations

from typing import Any

from dashboards.formatting import state_parts
from dashboards.readers import Readers, documents

STATES = {
    "proposed": ("Waiting for a decision", "risk", "…"),
    "approved": ("Approved", "ok", "✓"),
    "ended": ("Ended", "none", "–"),
    "rejected": ("Rejected", "none", "–"),
    "expired": ("Expired", "none", "–"),
    "withdrawn": ("Withdrawn", "none", "–"),
}
CATEGORIES = {
    "scheduled_maintenance": "Scheduled maintenance",
    "outside_business_hours": "Outside business hours",
    "deployment": "Deployment",
    "other": "Other",
}
_OVER = 20
_WAITING = 5


def waiting_values(readers: Readers) -> dict[str, Any]:
    """The newest proposals on the overview, and how many more there are."""
    found = [_with_words(one) for one in documents(readers.corrections_waiting())]
    return {"shown": found[:_WAITING], "more": len(found[_WAITING:])}


def correction_values(readers: Readers, slo: dict[str, Any]) -> dict[str, Any]:
    """Values of the section: what waits, what counts, and what is over (newest 20)."""
    found = [
        {
            **_with_words(one),
            "shown_state": state_parts(STATES, one["state"]),
            "effect": next(iter(one.get("preview", [])), None),
        }
        for one in documents(readers.corrections(slo["id"]))
    ]
    inside = {one["id"]: one for one in slo["corrections"]}
    standing = [one for one in found if one["state"] in {"approved", "ended"}]
    return {
        "waiting": [one for one in found if one["state"] == "proposed"],
        "standing": [{**one, "inside": inside.get(one["id"])} for one in standing],
        "over": [one for one in found if one["state"] in {"rejected", "expired", "withdrawn"}][
            :_OVER
        ],
        "going_on": [_with_words(one) for one in slo["corrections"] if one["until"]],
        "left_out": any(one["seconds"] for one in slo["corrections"]),
        "categories": CATEGORIES,
    }


def _with_words(one: dict[str, Any]) -> dict[str, Any]:
    return {**one, "category_words": CATEGORIES.get(one["category"], one["category"])}
