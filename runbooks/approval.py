"""The life of an approval: one table drives everything, terminal states never leave. Pure."""

from __future__ import annotations

from enum import StrEnum

from kernel.errors import Conflict


class State(StrEnum):
    """Where an approval stands."""

    PROPOSED = "proposed"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    STALE = "stale"
    EXECUTING = "executing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"


class Event(StrEnum):
    """What may happen to it."""

    PREPARED = "prepared"
    QUORUM_MET = "quorum_met"
    REJECT = "reject"
    EXPIRE = "expire"
    SUPERSEDE = "supersede"
    CHANGED = "changed"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    LOSE_TRACK = "lose_track"
    RECOVER = "recover"
    MISS_RECOVERY = "miss_recovery"


TABLE: dict[State, dict[Event, State]] = {
    State.PROPOSED: {
        Event.PREPARED: State.PENDING,
        Event.EXPIRE: State.EXPIRED,
        Event.SUPERSEDE: State.SUPERSEDED,
        Event.CHANGED: State.STALE,
    },
    State.PENDING: {
        Event.QUORUM_MET: State.APPROVED,
        Event.REJECT: State.REJECTED,
        Event.EXPIRE: State.EXPIRED,
        Event.SUPERSEDE: State.SUPERSEDED,
        Event.CHANGED: State.STALE,
    },
    State.APPROVED: {
        Event.START: State.EXECUTING,
        Event.EXPIRE: State.EXPIRED,
        Event.SUPERSEDE: State.SUPERSEDED,
        Event.CHANGED: State.STALE,
    },
    State.EXECUTING: {
        Event.SUCCEED: State.SUCCEEDED,
        Event.FAIL: State.FAILED,
        Event.LOSE_TRACK: State.UNKNOWN,
    },
    State.SUCCEEDED: {
        Event.RECOVER: State.RECOVERED,
        Event.MISS_RECOVERY: State.NOT_RECOVERED,
    },
}

TERMINAL = frozenset(State) - frozenset(TABLE)
OPEN = (State.PROPOSED, State.PENDING, State.APPROVED)
# Only these are refused after the expiry: what has begun must be brought to its end.
EXPIRING_EVENTS = frozenset({Event.PREPARED, Event.QUORUM_MET, Event.REJECT, Event.START})


def step(state: State, event: Event) -> State:
    """The next state. Raises Conflict where the table has no such way."""
    following = TABLE.get(state, {}).get(event)
    if following is None:
        raise Conflict(f"an approval that is {state} cannot take {event}")
    return following
