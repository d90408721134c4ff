"""An approval for people and programs: every sentence is made here from the values that run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from access.principal import Role
from kernel.clock import SECOND_US, rfc3339
from runbooks.actions.port import Adapter
from runbooks.approval import WAITING, State
from runbooks.escalation import LADDER
from runbooks.models import ApprovalRow, VoteRow
from runbooks.planning import sentence
from runbooks.policy import QUORUMS, Voter, missing_text
from runbooks.records import MODEL, SYSTEM
from runbooks.runbook import Tier
from runbooks.schemas import ApprovalOut, VoteOut


def approval_out(
    row: ApprovalRow, votes: Sequence[VoteRow], adapters: Mapping[str, Adapter]
) -> ApprovalOut:
    """Everything about one approval."""
    adapter = adapters.get(row.action["adapter"])
    result, recovery = row.result or {}, row.recovery or {}
    return ApprovalOut(
        id=row.id,
        incident_id=row.incident_id,
        runbook=row.runbook,
        runbook_title=row.runbook_title,
        step=row.step,
        step_title=row.step_title,
        kind=row.kind,
        tier=row.tier,
        params=row.params,
        target=row.target,
        what=sentence(row.action, row.preconditions),
        undo=_undo_text(row),
        dry_run=adapter.dry_run(row.action, row.id) if adapter else [],
        why=row.why,
        digest=row.digest,
        state=row.state,
        expires_at=rfc3339(row.expires_us),
        requested_at=_time(row.requested_us),
        decided_by=", ".join(dict.fromkeys(vote.person_name for vote in votes)),
        decided_at=_time(row.decided_us),
        executed_at=_time(row.executed_us),
        reason="; ".join(vote.reason for vote in votes if vote.reason),
        note=row.note,
        waits_for=_waits_for(row, votes),
        votes=[_vote_out(row, vote) for vote in votes],
        result=str(result.get("summary", "")),
        result_detail=result,
        recovery=str(recovery.get("state", "")),
        recovery_detail=recovery,
        undo_of=row.undo_of,
        proposed_by=row.proposed_by,
        simulated=row.simulated,
        evidence_ids=sorted(row.evidence),
        change_author=row.change_author,
        change_author_known=bool(row.change_author_id),
        held_for=row.held_for,
        asked=LADDER[row.rungs - 1].name if row.rungs else "",
    )


def near_of(row: ApprovalRow) -> frozenset[str]:
    """Ids of whoever stands too near to the step to be the only ones who allow it."""
    return frozenset({row.proposed_by, row.change_author_id} - {"", SYSTEM, MODEL})


def voters_of(votes: Sequence[VoteRow]) -> list[Voter]:
    """The people who said yes, with the roles they held."""
    known = {role.value for role in Role}
    return [
        Voter(vote.person_id, frozenset(Role(role) for role in vote.roles if role in known))
        for vote in votes
        if vote.decision == "approve"
    ]


def _waits_for(row: ApprovalRow, votes: Sequence[VoteRow]) -> str:
    if row.state == State.PROPOSED:
        return "the present value to be read"
    if row.state in WAITING and Tier(row.tier) in QUORUMS:
        return missing_text(Tier(row.tier), voters_of(votes), near_of(row))
    if row.state == State.APPROVED:
        return "a signed checkpoint that holds the decision"
    if row.state == State.EXECUTING and row.kind == "manual":
        return "a person to confirm that it is done"
    return ""


def _undo_text(row: ApprovalRow) -> str:
    if row.undo is None:
        return "" if row.state == State.PROPOSED else "There is no way back."
    return sentence(row.undo)


def _vote_out(row: ApprovalRow, vote: VoteRow) -> VoteOut:
    asked_us = row.requested_us
    return VoteOut(
        person=vote.person_name,
        decision=vote.decision,
        reason=vote.reason,
        channel=vote.channel,
        at=rfc3339(vote.at_us),
        record=vote.record,
        simulated=vote.simulated,
        after_s=None if asked_us is None else max(0, vote.at_us - asked_us) // SECOND_US,
    )


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)
