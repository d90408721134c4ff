"""Who waits for the exact look at the ledger, and who comes first. Pure.

Each wait has a deadline: when it began, and how long it may take by its urgency. The earliest
deadline comes first, so nobody is ever overtaken by more than those whose deadline was earlier:
whoever has waited a minute comes before every new suspicion, and all are looked at in the end.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Final

from kernel.clock import MINUTE_US, SECOND_US


class Urgency(IntEnum):
    """Why somebody is looked at, the most urgent first."""

    PAGE = 1  # a page may open now
    UNKNOWN = 2  # nothing is known yet: after a start, or after a jump of the clock
    OPEN = 3  # an alert is open, or closed not long ago: hold, widen or close it
    SLOW = 4  # a ticket may open, or a small segment may be down


PATIENCE_US: Final = {
    Urgency.PAGE: 0,
    Urgency.UNKNOWN: 5 * SECOND_US,
    Urgency.OPEN: 5 * SECOND_US,
    Urgency.SLOW: MINUTE_US,
}


@dataclass(frozen=True)
class Wait:
    """One objective's. `tickets`: the slow rules have their turn too."""

    name: str
    since_us: int
    deadline_us: int
    tickets: bool


class Waiting:
    """Objectives by name, each at most once."""

    def __init__(self) -> None:
        self._waits: dict[str, Wait] = {}
        # (deadline, order of coming, name); an entry whose deadline is no longer true is passed by.
        self._order: list[tuple[int, int, str]] = []
        self._came = 0

    def __len__(self) -> int:
        return len(self._waits)

    @property
    def oldest_us(self) -> int | None:
        """Since when the longest wait lasts; None where nobody waits."""
        return min((one.since_us for one in self._waits.values()), default=None)

    def add(self, name: str, now_us: int, urgency: Urgency, *, tickets: bool) -> None:
        """Let it wait. One that waits already keeps its place, or gets a better one."""
        wait = Wait(name, now_us, now_us + PATIENCE_US[urgency], tickets)
        held = self._waits.get(name)
        if held is not None:
            wait = replace(
                held,
                deadline_us=min(held.deadline_us, wait.deadline_us),
                tickets=held.tickets or tickets,
            )
        self._waits[name] = wait
        if held is None or wait.deadline_us < held.deadline_us:
            self._came += 1
            heapq.heappush(self._order, (wait.deadline_us, self._came, name))

    def take(self) -> Wait | None:
        """The one whose turn it is; None where nobody waits."""
        while self._order:
            deadline_us, _, name = heapq.heappop(self._order)
            held = self._waits.get(name)
            if held is not None and held.deadline_us == deadline_us:
                return self._waits.pop(name)
        return None
