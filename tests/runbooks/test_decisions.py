"""Who may decide what, on what they were shown, and for how long."""

from __future__ import annotations

import threading

import pytest
from sqlmodel import col, select

from access.principal import Role
from kernel.clock import SECOND_US
from kernel.errors import BadInput, Conflict, NotAllowed, NotFound
from kernel.facts.bus import FactRow
from runbooks.policy import Voter, missing_text, quorum_met
from runbooks.ports import ChangeAuthor
from runbooks.runbook import Tier
from tests.runbooks.world import LABELS, World, person

ROLLBACK = {
    "change_kind": "deploy",
    "change_service": "checkout",
    "service": "checkout",
    "objective": "checkout-success",
    "error_type": "http_5xx",
}


def test_the_proposal_says_exactly_what_it_would_do(world: World) -> None:
    shown = world.pending()
    assert (shown.runbook, shown.step, shown.tier) == (
        "payment-provider-outage",
        "reroute-region",
        "R2",
    )
    assert shown.params == {"region": "eu-central", "to_provider": "stripe"}
    assert shown.dry_run == [
        f"PUT {world.flags.url}/flags/payment-routing.eu-central",
        f"Idempotency-Key: {shown.id}",
        '{"key": "payment-routing.eu-central", "value": "stripe"}',
    ]
    assert len(shown.digest) == 64
    assert "provider = adyen" in shown.why
    assert shown.proposed_by == "system:runbooks"


def test_the_same_brief_again_proposes_nothing_new(world: World) -> None:
    shown = world.pending()
    world.brief(revision=2)
    world.service.preparing.step()
    assert [one.id for one in world.service.approvals()] == [shown.id]


def test_newer_evidence_with_other_parameters_supersedes(world: World) -> None:
    world.flags.flags["payment-routing.eu-west"] = "adyen"
    first = world.pending()
    second = world.pending({**LABELS, "region": "eu-west"}, revision=2)
    assert second.params["region"] == "eu-west"
    assert world.state(first.id) == "superseded"
    with pytest.raises(Conflict, match="superseded"):
        world.service.decide(first.id, person("ann"), "approve", first.digest)


def test_a_refused_step_is_not_proposed_again(world: World) -> None:
    shown = world.pending()
    world.service.decide(shown.id, person("ann"), "reject", shown.digest, "no")
    world.brief(revision=2)
    world.service.preparing.step()
    assert [one.state for one in world.service.approvals()] == ["rejected"]


def test_while_an_action_is_under_way_nothing_else_is_proposed(world: World) -> None:
    world.approved()
    world.seal()
    world.executor.step()
    world.brief({**LABELS, "provider": "stripe"}, revision=2)
    assert len(world.service.approvals()) == 1


def test_the_model_may_point_at_a_step_of_the_catalogue_only(world: World) -> None:
    world.brief(suggested_runbook="rm-rf", suggested_step="now", suggestion_record="x")
    (row,) = world.service.approvals()
    assert (row.runbook, row.proposed_by) == ("payment-provider-outage", "system:runbooks")


def test_a_suggested_step_that_matches_is_taken_and_named_as_the_models(world: World) -> None:
    shown = world.pending(
        suggested_runbook="payment-provider-outage", suggested_step="tell-customer-care"
    )
    assert (shown.step, shown.proposed_by) == ("tell-customer-care", "model:triage")


def test_labels_of_an_attacker_do_not_reach_the_parameters(world: World) -> None:
    for region in ("../../admin", "eu-central.evil", "eu-central\n", "x" * 300, "{0.__class__}"):
        world.brief({**LABELS, "region": region}, incident_id=f"incident-{region[:8]}")
    assert all(row.step != "reroute-region" for row in world.service.approvals())


def test_a_flag_that_does_not_exist_is_not_proposed_to_people(world: World) -> None:
    world.flags.flags.clear()
    world.brief()
    world.service.preparing.step()
    (row,) = world.service.approvals()
    assert row.state == "stale"
    assert "make it first" in row.note


def test_an_unreachable_flag_service_is_asked_again_until_time_is_up(world: World) -> None:
    world.flags.close()
    world.brief()
    world.service.preparing.step()
    (row,) = world.service.approvals()
    assert row.state == "proposed"
    assert "could not be read" in row.note
    with pytest.raises(Conflict, match="not ready"):
        world.service.decide(row.id, person("ann"), "approve", "")
    world.clock.advance_s(601)
    world.service.expire()
    assert world.state(row.id) == "expired"


def test_nobody_deciding_means_that_nothing_is_done(world: World) -> None:
    shown = world.pending()
    world.clock.advance_s(600)
    with pytest.raises(Conflict, match="time ended"):
        world.service.decide(shown.id, person("ann"), "approve", shown.digest)
    world.service.expire()
    assert world.state(shown.id) == "expired"
    assert world.types() == ["approval.requested", "approval.expired"]


def test_a_resolved_incident_withdraws_what_is_open(world: World) -> None:
    shown = world.pending()
    world.resolve()
    assert world.state(shown.id) == "superseded"
    assert world.types()[-1] == "approval.cancelled"


def test_a_decision_must_name_what_was_shown(world: World) -> None:
    shown = world.pending()
    for other in ("", "0" * 64, shown.digest[:-1], shown.digest.upper() + "é"):
        with pytest.raises(Conflict, match="not what would run"):
            world.service.decide(shown.id, person("ann"), "approve", other)
    assert world.state(shown.id) == "pending"


@pytest.mark.parametrize(
    ("roles", "kind"),
    [
        ((Role.VIEWER,), "person"),
        ((Role.AUDITOR,), "person"),
        ((Role.ADMIN,), "person"),
        ((Role.INGEST,), "machine"),
        ((Role.OWNER, Role.APPROVER, Role.RESPONDER), "machine"),
    ],
)
def test_who_has_no_say_is_refused_and_recorded(
    world: World, roles: tuple[Role, ...], kind: str
) -> None:
    shown = world.pending()
    with pytest.raises(NotAllowed):
        world.service.decide(shown.id, person("eve", *roles, kind=kind), "approve", shown.digest)
    assert world.state(shown.id) == "pending"
    assert world.types()[-1] == "authz.denied"


def test_whoever_proposed_cannot_decide(world: World) -> None:
    shown = world.pending()
    world.sql("UPDATE approval SET proposed_by = 'p-ann'")
    with pytest.raises(NotAllowed, match="proposed"):
        world.service.decide(shown.id, person("ann"), "approve", shown.digest)


def test_the_second_click_of_one_person_changes_nothing(world: World) -> None:
    shown = world.pending()
    first = world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    again = world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    assert first == again
    assert world.types().count("approval.decision") == 1
    with pytest.raises(Conflict, match="approved already, by Ann at"):
        world.service.decide(shown.id, person("bob"), "reject", shown.digest)


def test_r3_needs_two_people_and_one_owner_with_reasons(world: World) -> None:
    shown = world.pending(ROLLBACK)
    assert (shown.runbook, shown.tier) == ("checkout-errors-after-deploy", "R3")
    ask = world.service.decide
    with pytest.raises(NotAllowed):
        ask(shown.id, person("ann", Role.RESPONDER), "approve", shown.digest, "why")
    with pytest.raises(BadInput, match="written reason"):
        ask(shown.id, person("bob", Role.APPROVER), "approve", shown.digest, " ")
    one = ask(shown.id, person("bob", Role.APPROVER), "approve", shown.digest, "errors since 12:00")
    assert one.state == "partially_approved"
    assert "owner" in one.waits_for
    same = ask(shown.id, person("bob", Role.APPROVER), "approve", shown.digest, "again")
    assert same.state == "partially_approved"
    world.clock.advance_s(1)
    two = ask(shown.id, person("cid", Role.APPROVER), "approve", shown.digest, "agreed")
    assert two.state == "partially_approved"
    assert two.waits_for == "one of them must be owner"
    world.clock.advance_s(1)
    three = ask(shown.id, person("dee", Role.OWNER), "approve", shown.digest, "my service")
    assert three.state == "approved"
    assert three.decided_by == "Bob, Cid, Dee"


def test_one_no_ends_an_r3_request(world: World) -> None:
    shown = world.pending(ROLLBACK)
    world.service.decide(shown.id, person("bob", Role.OWNER), "approve", shown.digest, "go")
    out = world.service.decide(
        shown.id, person("cid", Role.APPROVER), "reject", shown.digest, "wrong service"
    )
    assert out.state == "rejected"


def test_of_two_people_at_once_exactly_one_wins(world: World) -> None:
    shown = world.pending()
    gate = threading.Barrier(2)
    results: list[str] = []

    def decide(name: str, decision: str) -> None:
        gate.wait()
        try:
            out = world.service.decide(shown.id, person(name), decision, shown.digest, "because")
        except Conflict:
            results.append("conflict")
        else:
            results.append(out.state)

    threads = [
        threading.Thread(target=decide, args=("ann", "approve")),
        threading.Thread(target=decide, args=("bob", "reject")),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert min(results) in {"approved", "conflict"}
    assert results.count("conflict") == 1
    assert world.state(shown.id) in {"approved", "rejected"}
    assert world.types().count("approval.decision") == 1


def test_a_simulated_decision_needs_the_setting_and_is_marked(world: World) -> None:
    shown = world.pending()
    ask = world.service.decide
    with pytest.raises(BadInput, match="switched off"):
        ask(shown.id, person("demo"), "approve", shown.digest, "go", simulated=True)
    world.service.settings = world.settings.model_copy(update={"simulation": True})
    out = ask(shown.id, person("demo"), "approve", shown.digest, "go", simulated=True)
    assert out.simulated
    (record,) = [one for one in world.records() if one["type"] == "approval.decision"]
    assert record["data"]["simulated"] is True


def test_reasons_stay_out_of_the_leaf_and_the_request_is_its_parent(world: World) -> None:
    shown = world.pending()
    world.clock.advance_s(7)
    world.service.decide(shown.id, person("ann"), "reject", shown.digest, "Ms Miller said no")
    records = {record["type"]: record for record in world.records()}
    decision = records["approval.decision"]
    assert "Miller" not in str(decision)
    assert decision["parent"] == [records["approval.requested"]["id"]]
    assert decision["data"]["latency_ms"] == 7000
    assert decision["data"]["action_hash"] == decision["data"]["shown_hash"] == shown.digest


def test_every_change_is_published(world: World) -> None:
    world.approved()
    with world.database.reading() as session:
        rows = session.exec(select(FactRow).order_by(col(FactRow.position))).all()
    states = [row.payload["state"] for row in rows if row.name == "runbooks.approval.changed"]
    assert states == ["pending", "approved"]


def test_unknown_ids_and_words_are_refused(world: World) -> None:
    shown = world.pending()
    with pytest.raises(NotFound):
        world.service.approval("nope")
    with pytest.raises(BadInput):
        world.service.decide(shown.id, person("ann"), "maybe", shown.digest)
    with pytest.raises(BadInput, match="no state"):
        world.service.approvals(state="dancing")
    with pytest.raises(BadInput, match="at most"):
        world.service.decide(shown.id, person("ann"), "reject", shown.digest, "x" * 2001)
    assert world.clock.now_us() % SECOND_US == 0


def test_r3_names_who_made_the_last_change_where_that_is_known(world: World) -> None:
    world.changes.authors["checkout"] = ChangeAuthor("dee", "p-dee")
    shown = world.pending(ROLLBACK)
    assert (shown.change_author, shown.change_author_known) == ("dee", True)
    assert "nor made the last change" in shown.waits_for
    ask = world.service.decide
    out = ask(shown.id, person("dee", Role.OWNER), "approve", shown.digest, "mine")
    assert out.state == "partially_approved"
    assert out.waits_for == (
        "1 more person, at least one somebody who neither proposed it nor made the last change"
    )
    out = ask(shown.id, person("bob", Role.APPROVER), "approve", shown.digest, "agreed")
    assert out.state == "approved"


def test_who_proposed_and_who_made_the_change_are_no_quorum_together() -> None:
    owners = frozenset({Role.OWNER})
    two = [Voter("proposer", owners), Voter("author", owners)]
    assert not quorum_met(Tier.R3, two, {"proposer", "author"})
    assert missing_text(Tier.R3, two, {"proposer", "author"}) == (
        "one of them must be somebody who neither proposed it nor made the last change"
    )
    assert quorum_met(Tier.R3, [*two, Voter("third", frozenset({Role.APPROVER}))], {"author"})


def test_an_author_nobody_knows_is_said_and_an_owner_has_to_agree(world: World) -> None:
    world.changes.authors["checkout"] = ChangeAuthor("octo-ben")
    shown = world.pending(ROLLBACK)
    assert (shown.change_author, shown.change_author_known) == ("octo-ben", False)
    for name in ("bob", "cid"):
        who = person(name, Role.APPROVER)
        out = world.service.decide(shown.id, who, "approve", shown.digest, "agreed")
    assert (out.state, out.waits_for) == ("partially_approved", "one of them must be owner")


def test_a_step_that_customers_notice_needs_a_written_reason_and_so_does_every_no(
    world: World,
) -> None:
    shown = world.pending()
    for decision in ("approve", "reject"):
        with pytest.raises(BadInput, match="needs a written reason"):
            world.service.decide(shown.id, person("ann"), decision, shown.digest, " \n ")
    assert world.state(shown.id) == "pending"
    out = world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    assert out.state == "approved"


def test_a_harmless_step_is_approved_without_a_reason(world: World) -> None:
    shown = world.pending({"alertname": "payments-silence", "source": "shop"})
    assert shown.tier == "R1"
    out = world.service.decide(shown.id, person("ann"), "approve", shown.digest)
    assert out.state == "approved"
