"""The database decides: a transition from an old view, or after the time, changes nothing."""

from __future__ import annotations

from runbooks import repository
from runbooks.approval import Event
from tests.runbooks.world import World


def test_a_transition_from_an_old_version_changes_nothing(world: World) -> None:
    shown = world.pending()
    now_us = world.clock.now_us()
    with world.database.reading() as session:
        old = repository.get(session, shown.id)
    assert old is not None
    with world.database.unit_of_work() as session:
        assert repository.amend(session, old, note="somebody was here") is not None
    with world.database.unit_of_work() as session:
        assert repository.transition(session, old, Event.QUORUM_MET, now_us) is None
        assert repository.amend(session, old, note="me too") is None
    assert world.state(shown.id) == "pending"
    assert world.service.approval(shown.id).note == "somebody was here"


def test_after_the_expiry_only_the_expiry_itself_happens(world: World) -> None:
    shown = world.pending()
    with world.database.reading() as session:
        row = repository.get(session, shown.id)
    assert row is not None
    for event in (Event.QUORUM_MET, Event.REJECT):
        with world.database.unit_of_work() as session:
            assert repository.transition(session, row, event, row.expires_us) is None
    with world.database.unit_of_work() as session:
        assert repository.transition(session, row, Event.EXPIRE, row.expires_us) is not None
