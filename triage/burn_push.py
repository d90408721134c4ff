"""Our burn alerts as Alertmanager takes them. Pure.

They carry the label that marks an echo: what comes back through the webhook is counted there and
joins no incident, for the alert itself is a member already.
"""

from __future__ import annotations

import re
from typing import Any

from kernel.clock import rfc3339
from triage.identity import ECHO_LABEL, Delivery

# https://prometheus.io/docs/concepts/data_model/: one bad name would sink the whole post.
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


def burn_alert(told: Delivery, public_url: str, ends_us: int) -> dict[str, Any]:
    """One alert of `POST /api/v2/alerts`. Open, renewed and over, its labels are the same."""
    labels = {label_name(name): value for name, value in told.labels.items() if value}
    labels["alertname"] = "Tillwatch" + told.labels.get("alertname", "BudgetBurn")
    labels[ECHO_LABEL] = told.fingerprint
    page = f"/slos/{told.objective_id}" if told.objective_id else "/"
    return {
        "labels": labels,
        "annotations": {"summary": told.title, **dict(told.annotations)},
        "startsAt": rfc3339(told.starts_us),
        "endsAt": rfc3339(ends_us),
        "generatorURL": f"{public_url}{page}",
    }


def label_name(text: str) -> str:
    """The nearest name that Prometheus takes as a label."""
    found = _NOT_A_NAME.sub("_", text)
    return f"_{found}" if found[:1].isdigit() else found
