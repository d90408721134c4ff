"""Keeps a flood of refused posts off the database: anybody may send them, without a token."""

from __future__ import annotations

import threading

from kernel.clock import MINUTE_US


class RefusedPosts:
    """How many refused posts are to be written now; thread-safe.

    The first of each minute are written one by one; the others are counted in memory and written
    with the next one of a later minute.
    """

    def __init__(self, limit_a_minute: int = 60) -> None:
        self._limit = limit_a_minute
        self._lock = threading.Lock()
        self._minute = 0
        self._written = 0
        self._held: dict[int, int] = {}

    def to_write(self, status: int, now_us: int) -> int:
        """Count one post refused with this status; 0 where nothing is to be written now."""
        with self._lock:
            minute = now_us // MINUTE_US
            if minute != self._minute:
                self._minute, self._written = minute, 0
            if self._written >= self._limit:
                self._held[status] = self._held.get(status, 0) + 1
                return 0
            self._written += 1
            return 1 + self._held.pop(status, 0)
