"""Many rows with one statement: what a statement costs beside its row is paid once for all."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from typing import Final

_ROWS: Final = 50


class Insert:
    """`INSERT INTO table VALUES (row), (row) … tail`, the row with its question marks."""

    def __init__(self, table: str, row: str, tail: str = "") -> None:
        self._one = f"INSERT INTO {table} VALUES {row} {tail}"
        self._many = f"INSERT INTO {table} VALUES {', '.join([row] * _ROWS)} {tail}"

    def run(self, db: sqlite3.Connection, rows: Sequence[Sequence[object]]) -> None:
        """In the order of the rows, as if each had its own statement."""
        whole = len(rows) - len(rows) % _ROWS
        for begin in range(0, whole, _ROWS):
            values = chain.from_iterable(rows[begin : begin + _ROWS])
            db.execute(self._many, tuple(values))
        db.executemany(self._one, rows[whole:])
