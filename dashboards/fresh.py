"""Numbers that many open pages ask for at once are computed once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from kernel.clock import Clock

_T = TypeVar("_T")


class Fresh(Generic[_T]):
    """Remembers what `read` answered for `keep_us`; who asks meanwhile waits for one answer.

    A failure is not remembered: the next one who asks tries again.
    """

    def __init__(self, read: Callable[[], _T], clock: Clock, keep_us: int) -> None:
        self._read = read
        self._clock = clock
        self._keep_us = keep_us
        self._lock = threading.Lock()
        self._known: tuple[int, _T] | None = None

    def __call__(self) -> _T:
        """The answer, at most `keep_us` old."""
        with self._lock:
            now_us = self._clock.now_us()
            if self._known is None or not 0 <= now_us - self._known[0] < self._keep_us:
                self._known = (now_us, self._read())
            return self._known[1]
