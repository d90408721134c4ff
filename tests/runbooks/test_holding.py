"""What is not put before people now: too many, the same twice, and what did not help."""

from __future__ import annotations

from sqlmodel import col, select

from kernel.facts.bus import FactRow
from runbooks import repository
from runbooks.approval import State
from runbooks.holding import MAX_PER_INCIDENT, hold
from runbooks.models import ApprovalRow
from tests.runbooks.world import LABELS, World, person

KEY = "payment-routing.eu-central"


def row_like(world: World, approval_id: str, **changes: object) -> ApprovalRow:
    with world.database.reading() as session:
        found = repository.get(session, approval_id)
    assert found is not None
    return ApprovalRow(**{**found.model_dump(), **changes})


def carry_out(world: World, incident: str) -> str:
    """Approve and carry out the step of an incident; it does not help."""
    world.flags.flags[KEY] = "adyen"
    shown = world.pending(incident_id=incident)
    world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    world.seal()
    world.executor.step()
    world.clock.advance_s(601)
    world.recovery.run()
    assert world.state(shown.id) == "not_recovered"
    # Its way back is nobody's wish here.
    world.resolve(incident)
    return shown.id


def test_at_most_so_many_wait_in_one_incident_and_the_rest_is_text(world: World) -> None:
    shown = world.pending()
    new = row_like(world, shown.id, id="new", target="flag another")
    waiting = [
        row_like(world, shown.id, id=f"w{number}", target=f"flag {number}")
        for number in range(MAX_PER_INCIDENT)
    ]
    assert hold(new, waiting[:-1], None) is None
    held = hold(new, waiting, None)
    assert held is not None
    assert held.text == f"{MAX_PER_INCIDENT} steps of this incident come first"


def test_one_target_waits_for_people_once_and_comes_up_again(world: World) -> None:
    first = world.pending()
    world.brief(incident_id="incident-2")
    (second,) = world.service.approvals(incident_id="incident-2")
    assert (second.state, second.held_for) == ("held", "queue")
    assert f"changes flag {KEY} already" in second.note
    assert world.types()[-1] == "approval.held"
    world.service.preparing.step()
    assert world.state(second.id) == "held"
    world.service.decide(first.id, person("ann"), "reject", first.digest, "no")
    world.service.preparing.step()
    assert world.state(second.id) == "pending"


def test_what_is_held_is_over_when_its_incident_is(world: World) -> None:
    world.pending()
    world.brief(incident_id="incident-2")
    world.resolve("incident-2")
    (second,) = world.service.approvals(incident_id="incident-2")
    assert second.state == "superseded"


def test_what_is_held_for_long_needs_fresh_evidence(world: World) -> None:
    world.pending()
    world.brief(incident_id="incident-2")
    world.clock.advance_s(1_801)
    world.service.expire()
    (second,) = world.service.approvals(incident_id="incident-2")
    assert second.state == "expired"


def test_a_step_that_did_not_help_here_calls_people_instead_of_coming_again(world: World) -> None:
    carry_out(world, "incident-1")
    world.flags.flags[KEY] = "adyen"
    world.brief(revision=2)
    world.brief(revision=3)
    world.service.preparing.step()
    held = [one for one in world.service.approvals() if one.state == "held"]
    assert len(held) == 1
    assert held[0].held_for == "loop"
    assert "done once in the last day without recovery" in held[0].note
    assert "the owner of this runbook (payments)" in held[0].note
    with world.database.reading() as session:
        query = select(FactRow).where(col(FactRow.name) == "runbooks.step.exhausted")
        (fact,) = session.exec(query).all()
    assert (fact.payload["owner"], fact.payload["tries"]) == ("payments", 1)
    assert world.flags.puts() == 1


def test_twice_without_recovery_in_other_incidents_is_enough_too(world: World) -> None:
    for number in (1, 2):
        carry_out(world, f"incident-{number}")
    world.flags.flags[KEY] = "adyen"
    world.brief(incident_id="incident-3")
    (third,) = world.service.approvals(incident_id="incident-3")
    assert (third.state, third.held_for) == ("held", "loop")
    assert "done 2 times" in third.note


def test_a_day_later_it_may_be_tried_again(world: World) -> None:
    for number in (1, 2):
        carry_out(world, f"incident-{number}")
    world.clock.advance_s(24 * 3_600 + 1)
    world.flags.flags[KEY] = "adyen"
    assert world.pending(incident_id="incident-3").state == "pending"


def test_a_step_that_helped_is_no_loop(world: World) -> None:
    for number in (1, 2):
        world.flags.flags[KEY] = "adyen"
        world.numbers.state = "not_yet"
        shown = world.pending(incident_id=f"incident-{number}")
        world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
        world.seal()
        world.executor.step()
        world.numbers.state = "recovered"
        world.recovery.run()
        assert world.state(shown.id) == State.RECOVERED
    world.flags.flags[KEY] = "adyen"
    world.brief({**LABELS}, incident_id="incident-3")
    (third,) = world.service.approvals(incident_id="incident-3")
    assert third.state == "proposed"
