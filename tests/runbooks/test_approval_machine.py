"""Laws of the approval's life, of the digest and of the quorum."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.principal import Role
from kernel.errors import Conflict
from runbooks.approval import NO_HELP, NOT_BEGUN, TABLE, TERMINAL, Event, State, step
from runbooks.digest import Proposal, digest_of
from runbooks.policy import Voter, is_executable, quorum_met, tier_of
from runbooks.runbook import FlagCall, HttpCall, Step, StepKind, Tier

EVENTS = st.lists(st.sampled_from(list(Event)), max_size=30)
PROPOSAL = Proposal(
    incident_id="i",
    proposal_id="p",
    runbook_id="r",
    runbook_sha256="ab",
    step_id="s",
    adapter="flag",
    params={"region": "eu-central"},
    action={"adapter": "flag", "key": "k", "value": "stripe"},
    undo={"adapter": "flag", "key": "k", "value": "adyen"},
    target="flag k",
    tier="R2",
    policy_version="1",
    preconditions={"value": "adyen"},
    verification={"objectives": ["o"]},
    evidence={"E1": "00"},
    change_author_id="p-ben",
    expires_at_us=1_795_000_000_000_001,
)


def walk(events: list[Event]) -> list[tuple[State, Event | None]]:
    """States on the way; what the table forbids changes nothing."""
    state, path = State.PROPOSED, [(State.PROPOSED, None)]
    for event in events:
        try:
            state = step(state, event)
        except Conflict:
            continue
        path.append((state, event))
    return path


@given(EVENTS)
def test_no_path_skips_the_approval(events: list[Event]) -> None:
    states = [state for state, _ in walk(events)]
    if State.EXECUTING in states:
        before = states[: states.index(State.EXECUTING)]
        seen = [one for one in before if one is not State.PARTIALLY_APPROVED]
        assert seen == [State.PROPOSED, State.PENDING, State.APPROVED]
    ran = {State.SUCCEEDED, State.RECOVERED, *NO_HELP}
    if ran & set(states):
        assert State.EXECUTING in states


@given(EVENTS, EVENTS)
def test_terminal_states_never_leave(events: list[Event], more: list[Event]) -> None:
    end = walk(events)[-1][0]
    if end in TERMINAL:
        assert walk([*events, *more])[-1][0] is end


@given(EVENTS)
def test_execution_begins_at_most_once(events: list[Event]) -> None:
    assert [state for state, _ in walk(events)].count(State.EXECUTING) <= 1


def test_every_state_but_a_held_one_can_be_reached() -> None:
    reached = {following for ways in TABLE.values() for following in ways.values()}
    assert reached == set(State) - {State.HELD}
    assert {
        State.REJECTED, State.REVOKED, State.CANCELLED, State.EXPIRED, State.SUPERSEDED,
        State.STALE, State.FAILED, State.UNKNOWN, State.RECOVERED, State.ROLLBACK_PROPOSED,
    } == TERMINAL  # fmt: skip


@pytest.mark.parametrize("state", NOT_BEGUN)
def test_whatever_has_not_begun_can_be_ended_from_outside(state: State) -> None:
    ends = {Event.CANCEL, Event.SUPERSEDE, Event.CHANGED, Event.EXPIRE}
    assert {step(state, event) for event in ends} <= TERMINAL


def test_an_approval_can_be_taken_back_until_it_is_carried_out() -> None:
    able = {state for state, ways in TABLE.items() if Event.REVOKE in ways}
    assert able == {State.PARTIALLY_APPROVED, State.APPROVED}


@pytest.mark.parametrize("name", list(PROPOSAL.__dataclass_fields__))
def test_every_field_is_in_the_digest(name: str) -> None:
    value: Any = getattr(PROPOSAL, name)
    if isinstance(value, str):
        other: Any = value + " "
    elif isinstance(value, int):
        other = value + 1
    else:
        other = {**value, "more": 1}
    assert digest_of(replace(PROPOSAL, **{name: other})) != digest_of(PROPOSAL)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_changed_character_changes_the_digest(one: str, two: str) -> None:
    def of(value: str) -> str:
        return digest_of(replace(PROPOSAL, action={**PROPOSAL.action, "value": value}))

    assert (of(one) == of(two)) == (one == two)


def test_a_text_and_a_number_do_not_share_a_digest() -> None:
    values: list[Any] = ["1", 1, True, "true"]
    digests = {digest_of(replace(PROPOSAL, action={"value": value})) for value in values}
    assert len(digests) == len(values)


def make(kind: StepKind, tier: Tier, **more: Any) -> Step:
    return Step(id="s", title="t", kind=kind, tier=tier, **more)


@pytest.mark.parametrize("declared", list(Tier))
def test_a_declared_tier_is_raised_and_never_lowered(declared: Tier) -> None:
    flag = FlagCall("k", value=True)
    post, get = HttpCall("POST", "https://x/"), HttpCall("GET", "https://x/")
    quiet = {"customer_effect": False, "undo_http": post}
    rows = [
        (make(StepKind.FLAG, declared, flag=flag, undo_previous=True), Tier.R2),
        (make(StepKind.FLAG, declared, flag=flag), Tier.R3),
        (make(StepKind.HTTP, declared, http=get), Tier.R0),
        (make(StepKind.HTTP, declared, http=post, undo_http=post), Tier.R2),
        (make(StepKind.HTTP, declared, http=post), Tier.R3),
        (make(StepKind.HTTP, declared, http=post, **quiet), Tier.R1),
        (make(StepKind.MANUAL, declared), Tier.R0),
    ]
    for one, floor in rows:
        assert tier_of(one).rank == max(declared.rank, floor.rank)
    assert not is_executable(Tier.R4)
    assert not is_executable(Tier.R0)


ROLES = st.frozensets(st.sampled_from(list(Role)))
VOTERS = st.lists(st.builds(Voter, st.sampled_from(["a", "b", "c"]), ROLES), max_size=6)


@given(VOTERS)
def test_no_quorum_without_enough_different_entitled_people(voters: list[Voter]) -> None:
    deciders = {Role.RESPONDER, Role.APPROVER, Role.OWNER}
    if quorum_met(Tier.R2, voters):
        assert any(voter.roles & deciders for voter in voters)
    if quorum_met(Tier.R3, voters):
        entitled = [one for one in voters if one.roles & {Role.APPROVER, Role.OWNER}]
        assert len({one.person_id for one in entitled}) >= 2
        assert any(Role.OWNER in one.roles for one in entitled)
    assert not quorum_met(Tier.R4, voters)
    assert not quorum_met(Tier.R0, voters)


@given(VOTERS, st.frozensets(st.sampled_from(["a", "b", "c"])))
def test_who_is_near_to_a_step_is_never_its_whole_quorum(
    voters: list[Voter], near: frozenset[str]
) -> None:
    if quorum_met(Tier.R3, voters, near):
        apart = [one for one in voters if one.person_id not in near]
        assert any(one.roles & {Role.APPROVER, Role.OWNER} for one in apart)
        assert quorum_met(Tier.R3, voters), "nearness only ever takes away"
