"""Is what would run still exactly what people approved? Asked again just before it runs."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from kernel.errors import BadInput
from runbooks.catalogue import Catalogue
from runbooks.matching import Unresolved, resolve
from runbooks.models import ApprovalRow, VoteRow
from runbooks.planning import action_of, target_of
from runbooks.policy import POLICY_VERSION, tier_of
from runbooks.records import row_digest


class Difference(NamedTuple):
    """What is not as it was. `rule`: runbook, policy, undo or parameters; `why` is for people."""

    rule: str
    why: str


def tampering(row: ApprovalRow, votes: Sequence[VoteRow]) -> str:
    """Why the stored rows are not what was approved; "" if they are."""
    if not row.digest or not hmac.compare_digest(row_digest(row), row.digest):
        return "the stored action is not the one that was approved"
    if row.kind != row.action.get("adapter"):
        return "the stored action is not of the kind that was approved"
    if any(vote.digest != row.digest for vote in votes):
        return "a decision was made on something else"
    return ""


def wrong_record(row: ApprovalRow, vote: VoteRow, record: Mapping[str, Any]) -> str:
    """Why the proven record is not this person's approval of this action; "" if it is."""
    data = record.get("data", {})
    expected = {
        "approval_id": row.id,
        "action_hash": row.digest,
        "decision": "approve",
        "shown_hash": row.digest,
    }
    if record.get("type") != "approval.decision":
        return "the proven record is no decision"
    if any(data.get(key) != value for key, value in expected.items()):
        return "the proven decision is about something else"
    if record.get("actor", {}).get("ref") != vote.person_id:
        return "the proven decision is another person's"
    if data.get("roles") != sorted(vote.roles):
        return "the proven decision was made with other roles"
    return ""


def difference(
    row: ApprovalRow, parent: ApprovalRow | None, catalogue: Catalogue
) -> Difference | None:
    """Why what is stored is not what the catalogue and the policy say today; None if it is."""
    runbook = catalogue.find(row.runbook)
    step = runbook.step(row.step) if runbook else None
    if runbook is None or step is None:
        return Difference("runbook", "the runbook or its step is gone")
    if runbook.sha256 != row.runbook_sha256:
        return Difference("runbook", "the runbook file was edited after the proposal")
    if row.policy_version != POLICY_VERSION or row.tier != tier_of(step).value:
        return Difference("policy", "the policy changed after the proposal")
    if row.undo_of:
        whole = parent is not None and row_digest(parent) == parent.digest
        same = bool(whole and parent and row.action == parent.undo)
        return None if same else Difference("undo", "the undo was changed")
    try:
        params = resolve(step, row.labels)
        action = action_of(step, params)
    except (Unresolved, BadInput) as error:
        return Difference("parameters", f"the parameters are no longer allowed: {error}")
    if params == row.params and action == row.action and target_of(action) == row.target:
        return None
    return Difference("parameters", "the parameters were changed after the proposal")
