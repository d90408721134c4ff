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


class StepExhausted(Fact):
    """A step did not help `tries` times: it is not proposed again, people have to be called."""

    name: ClassVar[str] = "runbooks.step.exhausted"
    approval_id: str
    incident_id: str
    runbook: str
    step: str
    owner: str
    tries: int
    at_us: int


class ApprovalUnanswered(Fact):
    """Nobody answered so far. `rung`: channel, on_call, secondary or paging: who is asked now."""

    name: ClassVar[str] = "runbooks.approval.unanswered"
    approval_id: str
    incident_id: str
    state: str
    tier: str
    rung: str
    waited_s: int
    expires_us: int
    at_us: int


class ExecutionSwitched(Fact):
    """A person switched all execution off or on; `running`: approvals that had begun already."""

    name: ClassVar[str] = "runbooks.execution.switched"
    stopped: bool
    by: str
    reason: str
    cancelled: int
    running: list[str]
    at_us: int
