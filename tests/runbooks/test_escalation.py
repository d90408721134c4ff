"""When nobody answers: who is asked, when, and what never follows from silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from access.principal import Role
from kernel.clock import SECOND_US
from kernel.facts.bus import FactRow
from runbooks.escalating import Escalating
from runbooks.escalation import LADDER, LAST_CALL_S, Waiting, step
from runbooks.records import Trail
from tests.runbooks.test_decisions import ROLLBACK
from tests.runbooks.world import World, person

START_US = 1_000 * SECOND_US


def at(seconds: int) -> int:
    return START_US + seconds * SECOND_US


def climb(expires_s: int, moments: list[int]) -> list[str]:
    state, told = Waiting(START_US, at(expires_s)), []
    for moment in moments:
        state, rung = step(state, at(moment))
        told += [rung.name] if rung else []
    return told


def test_the_ladder_is_climbed_from_the_channel_to_a_page() -> None:
    seen = climb(900, [0, 119, 120, 121, 299, 300, 599, 600, 899])
    assert seen == ["channel", "on_call", "secondary", "paging"]


def test_the_page_comes_while_there_is_still_something_to_decide() -> None:
    """Ten minutes is both the last rung and the life of a risky step."""
    assert climb(600, [0, 120, 300, 539]) == ["channel", "on_call", "secondary"]
    assert climb(600, [0, 120, 300, 540]) == ["channel", "on_call", "secondary", "paging"]


def test_rungs_missed_while_the_engine_was_away_are_not_made_up_for() -> None:
    assert climb(900, [400]) == ["secondary"]


def test_after_the_expiry_nobody_is_asked_any_more() -> None:
    assert climb(600, [600, 700]) == []


@given(
    st.integers(LAST_CALL_S, 3_600),
    st.lists(st.integers(0, 4_000), max_size=30).map(sorted),
)
def test_each_rung_is_told_at_most_once_and_in_order(expires_s: int, moments: list[int]) -> None:
    told = climb(expires_s, moments)
    order = [rung.name for rung in LADDER]
    assert told == sorted(set(told), key=order.index)
    assert (
        not [one for one in moments if one >= expires_s]
        or climb(expires_s, [one for one in moments if one < expires_s]) == told
    )


def unanswered(world: World) -> list[dict[str, Any]]:
    with world.database.reading() as session:
        query = select(FactRow).where(col(FactRow.name) == "runbooks.approval.unanswered")
        return [row.payload for row in session.exec(query.order_by(col(FactRow.position))).all()]


@pytest.fixture
def ladder(world: World) -> Escalating:
    return Escalating(world.database, Trail(world.log), world.clock)


def test_silence_is_told_step_by_step_and_ends_with_nothing_done(
    world: World, ladder: Escalating
) -> None:
    shown = world.pending()
    for _ in range(61):
        ladder.run()
        world.clock.advance_s(10)
    world.service.expire()
    assert [one["rung"] for one in unanswered(world)] == [rung.name for rung in LADDER]
    assert [one["waited_s"] for one in unanswered(world)] == [0, 120, 300, 540]
    out = world.service.approval(shown.id)
    assert (out.state, out.asked, out.note) == ("expired", "paging", "no action was taken")
    assert world.types().count("approval.escalated") == 4
    assert world.flags.puts() == 0


def test_a_decision_ends_the_ladder(world: World, ladder: Escalating) -> None:
    shown = world.pending()
    world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    world.clock.advance_s(300)
    ladder.run()
    assert unanswered(world) == []


def test_half_a_quorum_still_asks_for_the_other_half(world: World, ladder: Escalating) -> None:
    shown = world.pending(ROLLBACK)
    world.service.decide(shown.id, person("bob", Role.OWNER), "approve", shown.digest, "go")
    world.clock.advance_s(120)
    ladder.run()
    (fact,) = unanswered(world)
    assert (fact["rung"], fact["state"], fact["tier"]) == ("on_call", "partially_approved", "R3")


def test_being_asked_again_voids_no_decision(world: World, ladder: Escalating) -> None:
    shown = world.pending()
    ladder.run()
    out = world.service.decide(shown.id, person("ann"), "approve", shown.digest, "go")
    assert out.state == "approved"
    world.seal()
    world.executor.step()
    assert world.state(shown.id) == "succeeded"
