"""What the page of one incident shows."""

from __future__ import annotations

from typing import Any

from dashboards.readers import Readers, document, documents


def incident_values(readers: Readers, incident_id: str) -> dict[str, Any]:
    """Values of the template. Approvals stand in the order they were asked for."""
    incident = document(readers.incident(incident_id))
    approvals = documents(readers.approvals(incident["id"]))
    deciding = [one for one in approvals if one["state"] in {"pending", "partially_approved"}]
    return {
        "incident": incident,
        "deciding": deciding,
        "decided": [one for one in approvals if one not in deciding],
        "timeline": documents(readers.timeline(incident["id"])),
        "slack": readers.slack_preview(incident["id"]),
        "live": "records",
    }
