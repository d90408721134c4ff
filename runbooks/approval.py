"""The life of an approval: one table drives everything, terminal states never leave. Pure."""

from __future__ import annotations

from enum import StrEnum

from kernel.errors import Conflict


class State(StrEnum):
    """Where an approval stands."""

    HELD = "held"
    PROPOSED = "proposed"
    PENDING = "pending"
    PARTIALLY_APPROVED = "partially_approved"
    APPROVED = "approved"
    REJECTED = "rejected"
    REVOKED = "revoked"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    STALE = "stale"
    EXECUTING = "executing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    RECOVERED = "recovered"
    NOT_RECOVERED = "not_recovered"
    ROLLBACK_PROPOSED = "rollback_proposed"


class Event(StrEnum):
    """What may happen to it."""

    RELEASE = "release"
    PREPARED = "prepared"
    VOTE = "vote"
    QUORUM_MET = "quorum_met"
    REJECT = "reject"
    REVOKE = "revoke"
    CANCEL = "cancel"
    EXPIRE = "expire"
    SUPERSEDE = "supersede"
    CHANGED = "changed"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    LOSE_TRACK = "lose_track"
    RECOVER = "recover"
    MISS_RECOVERY = "miss_recovery"
    OFFER_UNDO = "offer_undo"


# Ways that lead out of every state in which nothing has begun yet.
_ENDS: dict[Event, State] = {
    Event.EXPIRE: State.EXPIRED,
    Event.SUPERSEDE: State.SUPERSEDED,
    Event.CHANGED: State.STALE,
    Event.CANCEL: State.CANCELLED,
}
_DECIDABLE: dict[Event, State] = {
    Event.VOTE: State.PARTIALLY_APPROVED,
    Event.QUORUM_MET: State.APPROVED,
    Event.REJECT: State.REJECTED,
    **_ENDS,
}

TABLE: dict[State, dict[Event, State]] = {
    State.HELD: {Event.RELEASE: State.PROPOSED, **_ENDS},
    State.PROPOSED: {Event.PREPARED: State.PENDING, **_ENDS},
    State.PENDING: _DECIDABLE,
    State.PARTIALLY_APPROVED: {**_DECIDABLE, Event.REVOKE: State.REVOKED},
    State.APPROVED: {Event.START: State.EXECUTING, Event.REVOKE: State.REVOKED, **_ENDS},
    State.EXECUTING: {
        Event.SUCCEED: State.SUCCEEDED,
        Event.FAIL: State.FAILED,
        Event.LOSE_TRACK: State.UNKNOWN,
    },
    State.SUCCEEDED: {
        Event.RECOVER: State.RECOVERED,
        Event.MISS_RECOVERY: State.NOT_RECOVERED,
    },
    # The way back is a request of its own; this state only says that it lies before people.
    State.NOT_RECOVERED: {Event.OFFER_UNDO: State.ROLLBACK_PROPOSED},
}

TERMINAL = frozenset(State) - frozenset(TABLE)
WAITING = (State.PENDING, State.PARTIALLY_APPROVED)
OPEN = (State.PROPOSED, *WAITING, State.APPROVED)
# It was carried out (or may have been), and the shop did not get well by it.
NO_HELP = (State.FAILED, State.UNKNOWN, State.NOT_RECOVERED, State.ROLLBACK_PROPOSED)
UNDER_WAY = (*OPEN, State.EXECUTING)
# Nothing has begun in these: they can still be ended from outside.
NOT_BEGUN = (State.HELD, *OPEN)
# Only these are refused after the expiry: what has begun must be brought to its end.
EXPIRING_EVENTS = frozenset(
    {
        Event.PREPARED,
        Event.VOTE,
        Event.QUORUM_MET,
        Event.REJECT,
        Event.REVOKE,
        Event.START,
    }
)


def step(state: State, event: Event) -> State:
    """The next state. Raises Conflict where the table has no such way."""
    following = TABLE.get(state, {}).get(event)
    if following is None:
        raise Conflict(f"an approval that is {state} cannot take {event}")
    return following
