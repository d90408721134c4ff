"""A journal that cannot write the first time that it is asked."""

from __future__ import annotations

from concurrent.futures import Future

from kernel.errors import Unavailable
from kernel.journal import Append, Appended, JournalWriter


class RefusingOnce:
    """Stands between a door and the real writer."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer = writer
        self.asked = 0

    def append(self, append: Append) -> Future[Appended]:
        self.asked += 1
        if self.asked == 1:
            raise Unavailable("the disk is full for the moment")
        return self._writer.append(append)
