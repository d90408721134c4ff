"""The writer's gate: who may queue, who is refused, and what was refused lately.

Keeps the numbers that `admission` decides by. Threads may share it.
"""

from __future__ import annotations

import math
import os
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from kernel.clock import Clock
from kernel.errors import Unavailable
from kernel.journal.admission import Limits, Pressure, Reason, refusal
from kernel.journal.records import ItemClass

# So long a refusal is shown after it happened: a queue is full for moments only.
_SHOWN_S = 60.0
_RETRY_AFTER_S = {Reason.QUEUE: 1, Reason.MEMORY: 1, Reason.QUOTA: 2, Reason.DISK: 2}
_WHY = {
    Reason.QUEUE: ("too much is waiting for the disk", "send it again"),
    Reason.MEMORY: ("too many bodies are being read", "send it again, in smaller batches"),
    Reason.QUOTA: (
        "the journal's quota is kept for what is worth more",
        "look whether the engine keeps up, or raise TILLWATCH_JOURNAL_MAX_BYTES",
    ),
    Reason.DISK: (
        "the free disk space is kept for what is worth more",
        "free some space, or lower TILLWATCH_JOURNAL_RESERVE_BYTES",
    ),
}


class Refused(Unavailable):
    """Not taken now, by class; nothing of it was kept. The sender may send it again."""

    def __init__(self, item_class: ItemClass, reason: Reason) -> None:
        why, hint = _WHY[reason]
        super().__init__(
            f"items of the class {item_class} are not taken now: {why}",
            hint=hint,
            retry_after_s=_RETRY_AFTER_S[reason],
        )
        self.item_class = item_class
        self.reason = reason


class Refusals:
    """Refused requests by class and reason, since the start and lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._totals: Counter[tuple[ItemClass, Reason]] = Counter()
        self._last_s: dict[ItemClass, tuple[float, Reason]] = {}

    def note(self, item_class: ItemClass, reason: Reason) -> Refused:
        """Count one; returns what to answer."""
        with self._lock:
            self._totals[item_class, reason] += 1
            self._last_s[item_class] = (self._clock.monotonic_s(), reason)
        return Refused(item_class, reason)

    def totals(self) -> Mapping[tuple[ItemClass, Reason], int]:
        """Since the start of the process."""
        with self._lock:
            return dict(self._totals)

    def recent(self) -> dict[ItemClass, Reason]:
        """Classes that were refused within the last minute."""
        since_s = self._clock.monotonic_s() - _SHOWN_S
        with self._lock:
            return {name: reason for name, (at_s, reason) in self._last_s.items() if at_s > since_s}


class Gate:
    """Counts what waits, and asks `admission` about each newcomer."""

    def __init__(self, refusals: Refusals, limits: Limits) -> None:
        self._refusals = refusals
        self._limits = limits
        self._lock = threading.Lock()
        self._appends = 0
        self._bytes = 0
        self._quota_share = 0.0
        self._free_share = math.inf

    @property
    def pressure(self) -> Pressure:
        """How things stand now."""
        return Pressure(self._appends, self._bytes, self._quota_share, self._free_share)

    def enter(self, item_class: ItemClass, size_bytes: int) -> None:
        """Take a place. Raises Refused, and then there is none to give back."""
        with self._lock:
            reason = refusal(item_class, size_bytes, self.pressure, self._limits)
            if reason is None:
                self._appends += 1
                self._bytes += size_bytes
                return
        raise self._refusals.note(item_class, reason)

    def leave(self, size_bytes: int) -> None:
        """Give a place back."""
        with self._lock:
            self._appends -= 1
            self._bytes -= size_bytes

    def measured(self, quota_share: float, free_share: float) -> None:
        """What the writer measured of rows and disk."""
        self._quota_share, self._free_share = quota_share, free_share

    def refusing(self) -> dict[ItemClass, Reason]:
        """Classes that are not taken now, or were not within the last minute; worth first."""
        found = self._refusals.recent()
        for item_class in ItemClass:
            reason = refusal(item_class, 0, self.pressure, self._limits)
            if reason is not None:
                found[item_class] = reason
        return {name: found[name] for name in ItemClass if name in found}


def free_bytes(path: Path) -> int:
    """What we may still write to the disk of the path. Raises OSError."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
