"""Ending what has not begun: taken back, edited, overtaken by the evidence, or out of time."""

from __future__ import annotations

import pytest
from sqlmodel import Session

from access.principal import Role
from kernel.errors import BadInput, Conflict, NotAllowed
from runbooks import deciding, integrity
from runbooks.models import ApprovalRow
from tests.runbooks.test_decisions import ROLLBACK
from tests.runbooks.world import World, person


def test_any_entitled_person_may_take_an_approval_back_before_it_runs(world: World) -> None:
    approved = world.approved()
    out = world.service.revoke(approved.id, person("bob"), "the provider is back")
    assert out.state == "revoked"
    assert "taken back by Bob" in out.note
    world.seal()
    world.executor.step()
    assert world.state(approved.id) == "revoked"
    assert world.flags.puts() == 0
    (record,) = [one for one in world.records() if one["type"] == "approval.revoked"]
    assert record["actor"]["ref"] == "p-bob"
    assert "provider is back" not in str(record)


def test_half_a_quorum_can_be_taken_back_by_the_one_who_gave_it(world: World) -> None:
    shown = world.pending(ROLLBACK)
    bob = person("bob", Role.APPROVER)
    world.service.decide(shown.id, bob, "approve", shown.digest, "errors since 12:00")
    with pytest.raises(Conflict, match="one person counts once"):
        world.service.decide(shown.id, bob, "reject", shown.digest, "changed my mind")
    assert world.service.revoke(shown.id, bob, "changed my mind").state == "revoked"


@pytest.mark.parametrize("roles", [(Role.VIEWER,), (Role.ADMIN,), (Role.AUDITOR,)])
def test_who_has_no_vote_takes_nothing_back(world: World, roles: tuple[Role, ...]) -> None:
    approved = world.approved()
    with pytest.raises(NotAllowed):
        world.service.revoke(approved.id, person("eve", *roles), "because")
    assert world.state(approved.id) == "approved"


def test_taking_back_needs_a_reason_and_something_to_take_back(world: World) -> None:
    shown = world.pending()
    with pytest.raises(BadInput, match="reason"):
        world.service.revoke(shown.id, person("ann"), "  ")
    with pytest.raises(Conflict, match="nobody has approved it yet"):
        world.service.revoke(shown.id, person("ann"), "no")
    world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    world.seal()
    world.executor.step()
    with pytest.raises(Conflict, match="too late: it is succeeded"):
        world.service.revoke(shown.id, person("ann"), "stop")


def test_the_slower_of_two_is_told_who_took_it_back_and_when(world: World) -> None:
    shown = world.pending(ROLLBACK)
    world.service.decide(shown.id, person("bob", Role.OWNER), "approve", shown.digest, "go")
    world.service.revoke(shown.id, person("cid", Role.OWNER), "wrong service")
    with pytest.raises(Conflict, match=r"revoked already: taken back by Cid at .*wrong service"):
        world.service.decide(shown.id, person("dee", Role.OWNER), "approve", shown.digest, "go")


def test_an_edited_runbook_ends_a_pending_approval_at_once(world: World) -> None:
    shown = world.pending()
    path = world.library / "payment-provider-outage.md"
    path.write_bytes(path.read_bytes() + b"\nOne more sentence.\n")
    world.service.review.run()
    assert world.state(shown.id) == "stale"
    assert world.types()[-1] == "approval.cancelled"
    again = world.pending(revision=2)
    assert again.id != shown.id, "the edited step is proposed anew"
    assert again.digest != shown.digest


def test_nobody_can_decide_what_was_edited_since_it_was_shown(world: World) -> None:
    shown = world.pending()
    path = world.library / "payment-provider-outage.md"
    path.write_bytes(path.read_bytes() + b"\nOne more sentence.\n")
    with pytest.raises(Conflict, match="edited after the proposal"):
        world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    assert world.state(shown.id) == "stale"


def test_another_policy_cancels_what_waits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = world.pending()
    monkeypatch.setattr(integrity, "POLICY_VERSION", "another")
    world.service.review.run()
    out = world.service.approval(shown.id)
    assert (out.state, out.note) == ("cancelled", "the policy changed after the proposal")


def test_an_approval_that_newer_evidence_contradicts_never_runs(world: World) -> None:
    approved = world.approved()
    world.brief({"service": "payments", "error_type": "none of ours"}, revision=2)
    out = world.service.approval(approved.id)
    assert (out.state, out.note) == ("stale", "newer evidence points at it no longer")
    world.seal()
    world.executor.step()
    assert world.flags.puts() == 0


def test_newer_evidence_that_says_the_same_changes_nothing(world: World) -> None:
    shown = world.pending(evidence={"E1": "aa"})
    world.brief(revision=2, evidence={"E1": "bb"})
    assert world.state(shown.id) == "pending"
    assert world.service.approval(shown.id).evidence_ids == ["E1"]


def test_evidence_swapped_after_the_decision_voids_it(world: World) -> None:
    shown = world.pending(evidence={"E1": "aa"})
    world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    world.sql("""UPDATE approval SET evidence = '{"E1": "bb"}'""")
    world.seal()
    world.executor.step()
    assert world.state(shown.id) == "stale"
    assert world.flags.puts() == 0


def test_who_waited_for_the_lock_past_the_expiry_is_too_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that counts is that of the transaction, not of the click before it."""
    shown = world.pending()
    first_statement = deciding.found

    def waited(session: Session, approval_id: str) -> ApprovalRow:
        """A transaction gets its lock with its first statement; here, ten minutes later."""
        row = first_statement(session, approval_id)
        world.clock.advance_s(600 if session.get_bind() is world.database.engine else 0)
        return row

    monkeypatch.setattr(deciding, "found", waited)
    with pytest.raises(Conflict, match="time ended"):
        world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    assert world.state(shown.id) == "pending"


def test_an_earlier_vote_counts_with_the_roles_of_today(world: World) -> None:
    shown = world.pending(ROLLBACK)
    ask = world.service.decide
    ask(shown.id, person("bob", Role.OWNER), "approve", shown.digest, "errors since 12:00")
    world.roles_now["p-bob"] = frozenset({Role.VIEWER})
    out = ask(shown.id, person("cid", Role.APPROVER), "approve", shown.digest, "agreed")
    assert out.state == "partially_approved", "the owner is no owner any more"
    out = ask(shown.id, person("dee", Role.OWNER), "approve", shown.digest, "mine")
    assert out.state == "approved"


def test_a_role_that_was_taken_away_meanwhile_decides_nothing(world: World) -> None:
    shown = world.pending()
    world.roles_now["p-ann"] = frozenset({Role.VIEWER})
    with pytest.raises(NotAllowed):
        world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
