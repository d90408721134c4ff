"""Objectives that could not be judged, and why: one faulty objective costs only itself.

`Faults` is the one boundary at which any error ends: the error of one objective is remembered,
logged once per change and counted, and its neighbours go on. It is no good news: such an objective
shows as "no data" with the reason. What is everybody's (the database, the disk) is raised as ever.
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Final

from sqlalchemy.exc import OperationalError

from kernel.observability import get_logger

_log = get_logger(__name__)
# Locked, full, unreadable: no fault of the objective that happened to ask.
_EVERYBODYS: Final = (sqlite3.OperationalError, OperationalError, OSError, MemoryError)
_LONGEST: Final = 300


class Faults:
    """By part of the engine and objective. May be shared between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reasons: dict[tuple[str, str], str] = {}
        self._total: Counter[tuple[str, str]] = Counter()

    def apart(self, part: str, objective_id: str, work: Callable[[], None]) -> bool:
        """Do the work of one objective; False where it failed, which is then known here."""
        error = self.caught(work)
        if error is not None:
            self.failed(part, objective_id, error)
        return error is None

    @staticmethod
    def caught(
        work: Callable[[], object], everybodys: tuple[type[Exception], ...] = _EVERYBODYS
    ) -> Exception | None:
        """Do the work; its error, where that is not everybody's (those are raised)."""
        try:
            work()
        except everybodys:
            raise
        except Exception as error:  # noqa: BLE001 - the edge that keeps one objective from stopping all
            return error
        return None

    def failed(self, part: str, objective_id: str, error: Exception, saying: str = "") -> None:
        """An objective could not be judged; `saying`: what is done about it."""
        said = f"{saying}: " if saying else ""
        place, reason = (part, objective_id), f"{said}{type(error).__name__}: {error}"[:_LONGEST]
        with self._lock:
            is_new = self._reasons.get(place) != reason
            self._reasons[place] = reason
            self._total[place] += 1
        if is_new:
            _log.error("slo.not_judged", part=part, objective=objective_id, exc_info=error)

    def mended(self, part: str, objective_id: str) -> None:
        """An objective was judged (again)."""
        if (part, objective_id) not in self._reasons:
            return
        with self._lock:
            self._reasons.pop((part, objective_id), None)
        _log.info("slo.judged_again", part=part, objective=objective_id)

    def raise_where_all(self, part: str, objective_ids: Collection[str]) -> None:
        """Raise RuntimeError where not one of these could be judged: then the part itself fails."""
        failed = {name for where, name in self.counts() if where == part}
        if objective_ids and failed.issuperset(objective_ids):
            reason = self.reasons()[next(iter(objective_ids))]
            raise RuntimeError(f"no objective can be judged: {reason}")

    def reasons(self) -> Mapping[str, str]:
        """Why, by objective."""
        with self._lock:
            return {name: f"{part}: {why}" for (part, name), why in sorted(self._reasons.items())}

    def counts(self) -> Mapping[tuple[str, str], int]:
        """Failures since the start of each (part, objective) that fails now."""
        with self._lock:
            return {place: self._total[place] for place in self._reasons}

    def totals(self) -> Mapping[tuple[str, str], int]:
        """Failures since the start, of all that ever failed."""
        with self._lock:
            return dict(self._total)
