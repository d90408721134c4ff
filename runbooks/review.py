"""What was edited since it was proposed is withdrawn at once, not only when it would run."""

from __future__ import annotations

from kernel.clock import Clock
from kernel.database import Database
from runbooks import repository
from runbooks.approval import NOT_BEGUN, Event, State
from runbooks.catalogue import Catalogue
from runbooks.integrity import difference
from runbooks.models import ApprovalRow
from runbooks.records import SYSTEM, Trail, announce


class Review:
    """Compares all that has not begun with today's catalogue and policy."""

    def __init__(
        self, database: Database, trail: Trail, clock: Clock, catalogue: Catalogue
    ) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock
        self._catalogue = catalogue

    def run(self) -> None:
        """Job, every second or two: reads files only where their stamps changed."""
        with self._database.reading() as session:
            rows = repository.in_states(session, NOT_BEGUN)
        for row in rows:
            self._compare(row)

    def look(self, approval_id: str) -> None:
        """The same for one approval, before somebody decides it."""
        with self._database.reading() as session:
            row = repository.get(session, approval_id)
        if row is not None and State(row.state) in NOT_BEGUN:
            self._compare(row)

    def _compare(self, row: ApprovalRow) -> None:
        found = difference(row, self._parent(row), self._catalogue)
        if found is None:
            return
        event = Event.CANCEL if found.rule == "policy" else Event.CHANGED
        with self._database.unit_of_work() as session:
            now_us = self._clock.now_us()
            changed = repository.transition(session, row, event, now_us, note=found.why[:500])
            if changed is not None:
                self._trail.cancelled(session, changed, found.rule)
                announce(session, changed, SYSTEM, now_us)

    def _parent(self, row: ApprovalRow) -> ApprovalRow | None:
        if not row.undo_of:
            return None
        with self._database.reading() as session:
            return repository.get(session, row.undo_of)
