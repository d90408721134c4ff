"""Who is asked when nobody answers: a ladder from the channel to a page. Pure.

Silence is never consent: at the top of the ladder the approval expires and nothing is done.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from kernel.clock import SECOND_US


class Rung(NamedTuple):
    """`after_s`: seconds after the approval began to wait."""

    name: str
    after_s: int


LADDER: Final = (
    Rung("channel", 0),
    Rung("on_call", 120),
    Rung("secondary", 300),
    Rung("paging", 600),
)
# Nobody is woken for a step that is over: the last rungs come so long before the expiry.
LAST_CALL_S: Final = 60


class Waiting(NamedTuple):
    """An approval that waits for people; `told` = how many rungs have been climbed."""

    requested_us: int
    expires_us: int
    told: int = 0


def step(state: Waiting, now_us: int) -> tuple[Waiting, Rung | None]:
    """Climb to the highest rung that is due; rungs that were missed meanwhile are left out."""
    if now_us >= state.expires_us:
        return state, None
    due = sum(1 for rung in LADDER if now_us >= due_us(rung, state))
    if due <= state.told:
        return state, None
    return state._replace(told=due), LADDER[due - 1]


def due_us(rung: Rung, state: Waiting) -> int:
    """When a rung is due, in UTC microseconds."""
    last_us = max(state.requested_us, state.expires_us - LAST_CALL_S * SECOND_US)
    return min(state.requested_us + rung.after_s * SECOND_US, last_us)
