"""What runbooks publishes."""

from __future__ import annotations

from typing import ClassVar

from kernel.facts.bus import Fact


class ApprovalChanged(Fact):
    """An approval took a new state (pending, approved, rejected, ..., recovered, not_recovered)."""

    name: ClassVar[str] = "runbooks.approval.changed"
    approval_id: str
    incident_id: str
    state: str
    by: str
    at_us: int
