"""From a brief to a switched flag, and everything that must stop on the way."""

from __future__ import annotations

import threading

import pytest

from access.principal import Role
from kernel.errors import Conflict
from runbooks import repository
from runbooks.approval import Event
from runbooks.executor import LEASE_S
from tests.runbooks.test_decisions import ROLLBACK
from tests.runbooks.world import LABELS, World, person

KEY = "payment-routing.eu-central"


def test_an_approved_reroute_switches_the_flag_once_and_is_proven(world: World) -> None:
    approved = world.approved()
    assert approved.state == "approved"
    assert approved.undo == f'Set flag {KEY} to "adyen"'
    assert approved.what == f'Set flag {KEY} from "adyen" to "stripe"'

    assert world.executor.step() is False, "nothing runs before the decision is in a checkpoint"
    assert world.flags.puts() == 0
    world.seal()
    assert world.executor.step() is True
    world.executor.step()

    assert world.flags.flags[KEY] == "stripe"
    assert world.flags.keys == [approved.id]
    assert world.state(approved.id) == "succeeded"
    assert world.types() == [
        "approval.requested",
        "approval.decision",
        "action.intent",
        "action.result",
    ]
    records = {record["type"]: record for record in world.records()}
    proof = records["action.intent"]["data"]["proof"]
    assert proof["size"] >= 2
    assert len(proof["root"]) == 64
    assert records["action.intent"]["parent"] == [records["approval.decision"]["id"]]
    assert records["action.result"]["data"]["action_hash"] == approved.digest


def test_an_edited_runbook_file_makes_the_approval_stale(world: World) -> None:
    approved = world.approved()
    path = world.library / "payment-provider-outage.md"
    path.write_bytes(path.read_bytes() + b"\nOne more sentence.\n")
    world.seal()
    world.executor.step()
    assert world.state(approved.id) == "stale"
    assert world.flags.puts() == 0
    assert world.types()[-1] == "action.blocked"


def test_a_flag_that_somebody_else_moved_makes_the_approval_stale(world: World) -> None:
    approved = world.approved()
    world.flags.flags[KEY] = "paypal"
    world.seal()
    world.executor.step()
    assert world.state(approved.id) == "stale"
    assert world.flags.flags[KEY] == "paypal"


@pytest.mark.parametrize(
    "change",
    [
        """action = '{"adapter": "flag", "key": "payment-routing.eu-central", "value": "evil"}'""",
        """params = '{"region": "eu-central", "to_provider": "adyen"}'""",
        "target = 'flag something-else'",
        "tier = 'R1'",
        "expires_us = expires_us + 1",
        "runbook_sha256 = 'f00d'",
        "undo = 'null'",
        "verification = '{}'",
    ],
)
def test_a_row_changed_after_the_decision_never_runs(world: World, change: str) -> None:
    approved = world.approved()
    world.sql(f"UPDATE approval SET {change}")
    world.seal()
    world.executor.step()
    assert world.state(approved.id) == "stale"
    assert world.flags.puts() == 0
    assert world.types()[-1] == "action.blocked"


def test_a_row_with_a_matching_forged_digest_lacks_its_proof(world: World) -> None:
    """An attacker with a SQL prompt rewrites action, digest and vote: the audit record differs."""
    from runbooks.records import row_digest

    approved = world.approved()
    world.seal()
    with world.database.unit_of_work() as session:
        row = repository.get(session, approved.id)
        assert row is not None
        row.labels = {**row.labels, "region": "us-east"}
        row.params = {**row.params, "region": "us-east"}
        row.action = {**row.action, "key": "payment-routing.us-east"}
        row.target = "flag payment-routing.us-east"
        row.digest = row_digest(row)
        session.add(row)
        for vote in repository.votes(session, approved.id):
            vote.digest = row.digest
            session.add(vote)
    world.flags.flags["payment-routing.us-east"] = "adyen"
    world.executor.step()
    assert world.state(approved.id) == "stale"
    assert world.flags.puts() == 0


def test_a_state_set_by_hand_without_a_decision_never_runs(world: World) -> None:
    shown = world.pending()
    world.sql("UPDATE approval SET state = 'approved'")
    world.seal()
    world.executor.step()
    assert world.state(shown.id) == "stale"
    assert world.flags.puts() == 0


def test_roles_given_to_a_vote_by_hand_make_no_quorum(world: World) -> None:
    shown = world.pending(ROLLBACK)
    for name in ("bob", "cid"):
        who = person(name, Role.APPROVER)
        world.service.decide(shown.id, who, "approve", shown.digest, "errors since 12:00")
    assert world.state(shown.id) == "partially_approved", "one of the two must be an owner"
    world.sql("""UPDATE approval_vote SET roles = '["approver", "owner"]'""")
    world.sql("UPDATE approval SET state = 'approved'")
    world.seal()
    world.executor.step()
    assert world.state(shown.id) == "stale"
    assert "other roles" in world.service.approval(shown.id).note


def test_who_lost_the_role_since_the_decision_does_not_count_any_more(world: World) -> None:
    shown = world.pending()
    world.service.decide(shown.id, person("bob", Role.APPROVER), "approve", shown.digest, "go")
    world.roles_now["p-bob"] = frozenset({Role.VIEWER})
    world.seal()
    world.executor.step()
    assert world.state(shown.id) == "stale"
    assert "not entitled any more" in world.service.approval(shown.id).note
    assert world.flags.puts() == 0


def test_without_a_checkpoint_the_wait_for_the_proof_ends(world: World) -> None:
    approved = world.approved()
    world.clock.advance_s(world.settings.proof_wait_s + 1)
    world.executor.step()
    assert world.state(approved.id) == "stale"
    assert world.flags.puts() == 0


def test_an_approved_action_that_could_not_run_in_time_expires(world: World) -> None:
    approved = world.approved()
    world.seal()
    world.clock.advance_s(601)
    assert world.executor.step() is False
    world.service.expire()
    assert world.state(approved.id) == "expired"
    assert world.flags.puts() == 0


def test_a_crash_while_executing_ends_as_unknown_and_is_never_repeated(world: World) -> None:
    approved = world.approved()
    world.seal()
    with world.database.unit_of_work() as session:
        row = repository.get(session, approved.id)
        assert row is not None
        lease_us = world.clock.now_us() + LEASE_S * 1_000_000
        taken = repository.transition(
            session, row, Event.START, world.clock.now_us(), lease_until_us=lease_us
        )
        assert taken is not None
    reborn = world.another_executor()
    reborn.step()
    assert world.state(approved.id) == "executing", "the other one may still be at work"
    world.clock.advance_s(LEASE_S + 1)
    reborn.step()
    reborn.step()
    assert world.state(approved.id) == "unknown"
    assert world.flags.puts() == 0
    assert world.types()[-1] == "action.result"


def test_two_executors_run_an_action_once(world: World) -> None:
    world.approved()
    world.seal()
    both = [world.another_executor(), world.another_executor()]
    gate = threading.Barrier(2)

    def run(one: object) -> None:
        gate.wait()
        one.step()  # type: ignore[attr-defined]

    threads = [threading.Thread(target=run, args=(one,)) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.flags.puts() == 1


def test_a_lost_answer_is_settled_by_reading_never_by_a_second_put(world: World) -> None:
    approved = world.approved()
    world.seal()
    world.flags.hang_up_after_put = True
    world.executor.step()
    assert world.flags.puts() == 1
    assert world.state(approved.id) == "succeeded"


def test_recovery_is_taken_from_the_shops_own_numbers(world: World) -> None:
    approved = world.approved()
    world.seal()
    world.executor.step()
    world.recovery.run()
    assert world.state(approved.id) == "succeeded"
    assert world.numbers.asked[0][:2] == (["payment-success"], {})
    world.numbers.state = "recovered"
    world.recovery.run()
    assert world.service.approval(approved.id).recovery == "recovered"
    assert world.state(approved.id) == "recovered"
    assert world.types()[-1] == "recovery.checked"


def test_what_did_not_help_is_offered_to_be_taken_back(world: World) -> None:
    approved = world.approved()
    world.seal()
    world.executor.step()
    world.clock.advance_s(601)
    world.recovery.run()
    assert world.state(approved.id) == "not_recovered"
    world.service.preparing.step()
    assert world.state(approved.id) == "rollback_proposed"
    (undo,) = world.service.approvals(state="pending")
    assert undo.undo_of == approved.id
    assert undo.what == f'Set flag {KEY} from "stripe" to "adyen"'
    world.service.decide(undo.id, person("bob"), "approve", undo.digest, "go")
    world.seal()
    world.executor.step()
    assert world.flags.flags[KEY] == "adyen"
    assert world.state(undo.id) == "succeeded"
    # And another way can be tried: what was taken back is not under way any more.
    world.flags.flags["payment-routing.eu-west"] = "adyen"
    another = world.pending({**LABELS, "region": "eu-west"}, revision=2)
    assert another.params["region"] == "eu-west"


def test_a_manual_step_waits_for_a_person_to_confirm(world: World) -> None:
    labels = {"alertname": "payments-silence", "source": "shop"}
    shown = world.pending(labels)
    assert (shown.runbook, shown.kind, shown.tier) == ("silent-checkout", "manual", "R1")
    world.service.decide(shown.id, person("ann"), "approve", shown.digest)
    world.seal()
    world.executor.step()
    assert world.state(shown.id) == "executing"
    done = world.service.confirm(shown.id, person("ann"), "done", "works on my phone")
    assert done.state == "succeeded"
    with pytest.raises(Conflict, match="succeeded"):
        world.service.confirm(shown.id, person("ann"), "done")


def test_a_manual_step_that_nobody_confirms_is_unknown(world: World) -> None:
    shown = world.pending({"alertname": "payments-silence", "source": "shop"})
    world.service.decide(shown.id, person("ann"), "approve", shown.digest)
    world.seal()
    world.executor.step()
    world.clock.advance_s(world.settings.manual_wait_s + 1)
    world.executor.step()
    assert world.state(shown.id) == "unknown"


def test_an_objective_that_is_gone_counts_as_no_data(world: World) -> None:
    approved = world.approved()
    world.seal()
    world.executor.step()
    world.numbers.state = "gone"
    world.recovery.run()
    assert world.state(approved.id) == "succeeded"
    world.clock.advance_s(601)
    world.recovery.run()
    out = world.service.approval(approved.id)
    assert out.state == "not_recovered"
    assert out.recovery_detail["answer"] == "no_data"


def test_an_undo_is_not_offered_over_somebody_elses_change(world: World) -> None:
    world.approved()
    world.seal()
    world.executor.step()
    world.clock.advance_s(601)
    world.recovery.run()
    world.flags.flags[KEY] = "paypal"
    world.service.preparing.step()
    (undo,) = [one for one in world.service.approvals() if one.undo_of]
    assert undo.state == "stale"
    assert "left alone" in undo.note
