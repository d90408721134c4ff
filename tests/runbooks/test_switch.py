"""All execution off and on again: what it ends, what it lets end, and who may do it."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from access.principal import Role
from kernel.errors import BadInput, Conflict, NotAllowed
from kernel.facts.bus import FactRow
from runbooks.metrics import ApprovalCollector
from tests.runbooks.test_decisions import ROLLBACK
from tests.runbooks.world import LABELS, World, person

OWNER = person("olga", Role.OWNER)
SILENT_SHOP = {"alertname": "payments-silence", "source": "shop"}


def test_switching_off_cancels_what_waits_and_what_is_approved(world: World) -> None:
    approved = world.approved()
    waiting = world.pending(ROLLBACK, incident_id="incident-2")
    out = world.service.execution.stop(OWNER, "the flags look wrong", "web")
    assert (out.stopped, out.cancelled, out.by) == (True, 2, "Olga")
    for one in (approved, waiting):
        shown = world.service.approval(one.id)
        assert shown.state == "cancelled"
        assert "switched off by Olga" in shown.note
    world.seal()
    world.executor.step()
    assert world.flags.puts() == 0
    assert world.types()[-3:] == ["approval.cancelled", "approval.cancelled", "execution.stopped"]


def test_what_runs_already_is_named_and_brought_to_its_end(world: World) -> None:
    shown = world.pending(SILENT_SHOP)
    world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    world.seal()
    world.executor.step()
    out = world.service.execution.stop(OWNER, "stop", "api")
    assert [one.id for one in out.running] == [shown.id]
    assert world.state(shown.id) == "executing"
    assert world.service.confirm(shown.id, person("ann"), "done").state == "succeeded"
    assert world.service.execution.state().running == []


def test_while_it_is_off_a_new_step_is_text_and_comes_up_afterwards(world: World) -> None:
    world.service.execution.stop(OWNER, "stop", "web")
    world.brief()
    world.service.preparing.step()
    (held,) = world.service.approvals()
    assert (held.state, held.held_for) == ("held", "switch")
    assert "switched off by Olga" in held.note
    with pytest.raises(Conflict, match="not up for a decision: all execution was switched off"):
        world.service.decide(held.id, person("ann"), "approve", held.digest, "go")
    world.service.execution.resume(OWNER, "flags are fine", "web")
    world.service.preparing.step()
    assert world.state(held.id) == "pending"


def test_an_executor_that_read_it_as_approved_before_begins_nothing(world: World) -> None:
    """The switch is thrown between the executor's look and its lease."""
    approved = world.approved()
    world.seal()
    observe = world.service.adapters["flag"].observe

    def stopped_meanwhile(action: dict[str, object]) -> dict[str, object]:
        found = observe(action)
        world.service.execution.stop(OWNER, "stop", "web")
        world.sql("UPDATE approval SET state = 'approved', version = 2")
        return found

    world.service.adapters["flag"].observe = stopped_meanwhile  # type: ignore[method-assign]
    world.executor.step()
    world.service.adapters["flag"].observe = observe  # type: ignore[method-assign]
    assert world.flags.puts() == 0
    world.executor.step()
    assert world.state(approved.id) == "cancelled"
    assert world.types()[-1] == "action.blocked"


def test_the_switch_survives_a_restart(world: World) -> None:
    world.service.execution.stop(OWNER, "stop", "web")
    reborn = world.another_service()
    assert reborn.execution.state().stopped
    world.brief()
    assert world.service.approvals()[0].state == "held"


@pytest.mark.parametrize(
    ("roles", "kind", "may"),
    [
        ((Role.OWNER,), "person", True),
        ((Role.ADMIN,), "person", True),
        ((Role.APPROVER, Role.RESPONDER), "person", False),
        ((Role.VIEWER,), "person", False),
        ((Role.AUDITOR,), "person", False),
        ((Role.INGEST,), "machine", False),
        ((Role.OWNER,), "machine", False),
    ],
)
def test_owners_and_admins_alone_switch(
    world: World, roles: tuple[Role, ...], kind: str, may: bool
) -> None:
    who = person("eve", *roles, kind=kind)
    for switch in (world.service.execution.stop, world.service.execution.resume):
        if may:
            switch(who, "because", "web")
        else:
            with pytest.raises(NotAllowed):
                switch(who, "because", "web")
    assert ("authz.denied" in world.types()) == (not may)


def test_a_role_lost_meanwhile_switches_nothing(world: World) -> None:
    world.roles_now["p-olga"] = frozenset({Role.VIEWER})
    with pytest.raises(NotAllowed):
        world.service.execution.stop(OWNER, "stop", "web")
    assert not world.service.execution.state().stopped


def test_switching_needs_a_reason_and_happens_once(world: World) -> None:
    execution = world.service.execution
    with pytest.raises(BadInput, match="reason"):
        execution.stop(OWNER, "  ", "web")
    with pytest.raises(Conflict, match="never switched off"):
        execution.resume(OWNER, "why not", "web")
    execution.stop(OWNER, "stop", "web")
    with pytest.raises(Conflict, match="off already, by Olga at"):
        execution.stop(person("ada", Role.ADMIN), "me too", "web")


def test_the_way_back_is_held_too(world: World) -> None:
    world.approved()
    world.seal()
    world.executor.step()
    world.service.execution.stop(OWNER, "stop", "web")
    world.clock.advance_s(601)
    world.recovery.run()
    (undo,) = [one for one in world.service.approvals() if one.undo_of]
    assert (undo.state, undo.held_for) == ("held", "switch")


def test_everybody_hears_of_it_and_it_is_measured(world: World) -> None:
    world.pending({**LABELS})
    measured = {one.name: one for one in ApprovalCollector(world.database).collect()}
    assert measured["tillwatch_execution_stopped"].samples[0].value == 0
    world.service.execution.stop(OWNER, "stop", "web")
    measured = {one.name: one for one in ApprovalCollector(world.database).collect()}
    assert measured["tillwatch_execution_stopped"].samples[0].value == 1
    states = {one.labels["state"]: one.value for one in measured["tillwatch_approvals"].samples}
    assert states["pending"] == 0
    with world.database.reading() as session:
        query = select(FactRow).where(col(FactRow.name) == "runbooks.execution.switched")
        (fact,) = session.exec(query).all()
    assert fact.payload["cancelled"] == 1
