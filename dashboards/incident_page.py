"""What the page of one incident shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dashboards.readers import Readers, document, documents
from kernel.errors import NotFound

_BRIEF = "incident.brief"
_ROLES = ("acknowledged_by", "taken_by", "severity_by", "silenced_by")
SHOWN_ALERTS = 100
# States in which people are asked.
WAITING = ("pending", "partially_approved")


def incident_values(readers: Readers, incident_id: str) -> dict[str, Any]:
    """Values of the template. Approvals stand in the order they were asked for."""
    incident = document(readers.incident(incident_id))
    timeline = folded(documents(readers.timeline(incident["id"])))
    people = {one["actor"] for one in timeline if one["actor_kind"] == "human"}
    people |= {one["person"] for one in timeline}
    people |= {incident[role] for role in _ROLES}
    approvals = documents(readers.approvals(incident["id"]))
    deciding = [one for one in approvals if one["state"] in WAITING]
    return {
        "incident": incident,
        "deciding": deciding,
        "decided": [one for one in reversed(approvals) if one not in deciding],
        "timeline": timeline,
        "blind": _is_blind(readers, incident),
        "shown_alerts": SHOWN_ALERTS,
        "responders": readers.responders(),
        "names": {one: readers.name_of(one) for one in people if one},
        "slack": readers.slack_preview(incident["id"]),
        "live": "records",
    }


def _is_blind(readers: Readers, incident: dict[str, Any]) -> bool:
    """True where a rate of zero only means that nothing is heard any more."""
    impact = incident["impact"]
    if not impact or impact["orders_per_minute"] or incident["resolved_at"]:
        return False
    try:
        return bool(document(readers.slo(impact["objective"]))["state"] == "no_data")
    except NotFound:
        return True


def folded(timeline: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The timeline with each run of renewed briefs as one line, at the time of its newest."""
    found: list[dict[str, Any]] = []
    run = 0
    for one in timeline:
        run = run + 1 if one["type"] == _BRIEF else 0
        if run > 2:
            found.pop()
        if run > 1:
            times = "once" if run == 2 else f"{run - 1} times"
            found.append({**one, "what": f"Brief renewed {times}"})
        else:
            found.append(one)
    return found
