"""The life of a correction: one table drives everything, terminal states never leave. Pure."""

from __future__ import annotations

from enum import StrEnum

from kernel.errors import Conflict


class State(StrEnum):
    """Where a correction stands. It leaves something out while `approved`, or `ended`."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class Event(StrEnum):
    """What may happen to it.

    `withdraw` takes all of it back: what it left out counts again. `end` keeps what lies behind and
    leaves out nothing any more from now on.
    """

    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    END = "end"
    EXPIRE = "expire"


TABLE: dict[State, dict[Event, State]] = {
    State.PROPOSED: {
        Event.APPROVE: State.APPROVED,
        Event.REJECT: State.REJECTED,
        Event.WITHDRAW: State.WITHDRAWN,
        Event.EXPIRE: State.EXPIRED,
    },
    State.APPROVED: {Event.WITHDRAW: State.WITHDRAWN, Event.END: State.ENDED},
    State.ENDED: {Event.WITHDRAW: State.WITHDRAWN},
}
IN_FORCE = (State.APPROVED, State.ENDED)
# What a person may say; a proposal whose time is over can only be taken back.
DECISIONS = (Event.APPROVE, Event.REJECT, Event.WITHDRAW, Event.END)
IN_TIME_ONLY = frozenset({Event.APPROVE, Event.REJECT})


def step(state: State, event: Event) -> State:
    """The next state. Raises Conflict where the table has no such way."""
    following = TABLE.get(state, {}).get(event)
    if following is None:
        raise Conflict(
            f"it is {state} already: there is nothing to {event}",
            hint="load it again: somebody may have been faster",
        )
    return following
