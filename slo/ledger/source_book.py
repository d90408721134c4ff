"""The names of sources, and their bound: the first 1,000 by name, all later ones together.

A sender that makes up a source for each event must not make the ledger grow without end.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from slo.ledger.sums import OTHER

MAX_SOURCES: Final = 1_000


class SourceBook:
    """Which sources have a name in `heard`, `presence`, `volume` and `pulse`."""

    def __init__(self, db: sqlite3.Connection, *, most: int = MAX_SOURCES) -> None:
        self._db = db
        self._most = most
        self._known: set[str] | None = None

    def name_of(self, source: str) -> str:
        """The source itself, or `__other__` where there are too many already."""
        if self._known is None:
            self._known = {name for (name,) in self._db.execute("SELECT source FROM heard")}
        if source in self._known:
            return source
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(source)
        return source

    def forget(self) -> None:
        """After a rollback."""
        self._known = None
