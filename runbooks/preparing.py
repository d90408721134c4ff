"""Reads what a proposed step needs and puts it before people; lets go what was held.

Reading needs the network, so it happens outside of any transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import Session

from kernel.clock import SECOND_US, Clock
from kernel.database import Database
from runbooks import repository
from runbooks.actions.port import Adapter, PreconditionFailed, Unreadable
from runbooks.approval import UNDER_WAY, Event, State
from runbooks.catalogue import Catalogue
from runbooks.holding import LOOP, hold
from runbooks.models import ApprovalRow
from runbooks.planning import undo_of
from runbooks.policy import QUORUMS
from runbooks.ports import ChangeAuthor, Changes
from runbooks.records import SYSTEM, Trail, announce, end, row_digest
from runbooks.runbook import Tier

PREPARE_S = 600
_RETRY_S = 5


class Preparing:
    """From `proposed` to `pending`."""

    def __init__(
        self,
        database: Database,
        trail: Trail,
        clock: Clock,
        catalogue: Catalogue,
        adapters: Mapping[str, Adapter],
        *,
        changes: Changes,
    ) -> None:
        self._database = database
        self._trail = trail
        self._clock = clock
        self._catalogue = catalogue
        self._adapters = adapters
        self._changes = changes

    def step(self) -> bool:
        """Read the preconditions of proposed steps and put them before people; True = more."""
        self._release()
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            rows = repository.in_states(session, (State.PROPOSED,))
        due = [row for row in rows if row.next_try_us <= now_us < row.expires_us]
        for row in due[:10]:
            self._prepare_one(row)
        return len(due) > 10

    def _prepare_one(self, row: ApprovalRow) -> None:
        try:
            observed = self._adapters[row.action["adapter"]].observe(row.action)
        except Unreadable as error:
            next_us = self._clock.now_us() + _RETRY_S * SECOND_US
            with self._database.unit_of_work() as session:
                repository.amend(session, row, next_try_us=next_us, note=str(error)[:500])
            return
        except PreconditionFailed as error:
            self._drop(row, str(error))
            return
        if row.undo_of and row.undo and observed.get("value", 0) != row.undo.get("value", 0):
            self._drop(row, "somebody has changed it since: it is left alone")
            return
        self._request(row, observed)

    def _request(self, row: ApprovalRow, observed: dict[str, Any]) -> None:
        """Proposed -> pending: from here on, what people see is fixed by its digest."""
        quorum = QUORUMS[Tier(row.tier)]
        author = self._author(row) if quorum.independent else None
        with self._database.unit_of_work() as session:
            repository.get(session, row.id)
            now_us = self._clock.now_us()
            fixed: dict[str, Any] = {
                "preconditions": observed,
                "undo": row.undo if row.undo_of else self._undo(row, observed),
                "expires_us": now_us + quorum.expires_s * SECOND_US,
                "change_author": author.name[:200] if author else "",
                "change_author_id": author.person_id if author else "",
            }
            digest = row_digest(ApprovalRow(**{**row.model_dump(), **fixed}))
            changed = repository.transition(
                session,
                row,
                Event.PREPARED,
                now_us,
                **fixed,
                requested_us=now_us,
                digest=digest,
                note="",
            )
            if changed is None:
                return
            if changed.undo_of:
                self._say_undo_is_proposed(session, changed.undo_of, now_us)
            record = self._trail.requested(session, changed)
            changed = repository.amend(session, changed, requested_record=record)
            if changed is not None:
                announce(session, changed, changed.proposed_by, now_us)

    def _author(self, row: ApprovalRow) -> ChangeAuthor | None:
        service = row.labels.get("change_service") or row.labels.get("service", "")
        return self._changes.last_author(service) if service else None

    @staticmethod
    def _say_undo_is_proposed(session: Session, done_id: str, now_us: int) -> None:
        done = repository.get(session, done_id)
        if done is None or done.state != State.NOT_RECOVERED:
            return
        changed = repository.transition(session, done, Event.OFFER_UNDO, now_us)
        if changed is not None:
            announce(session, changed, SYSTEM, now_us)

    def _undo(self, row: ApprovalRow, observed: dict[str, Any]) -> dict[str, Any] | None:
        runbook = self._catalogue.find(row.runbook)
        step = runbook.step(row.step) if runbook else None
        return undo_of(step, row.params, observed) if step else None

    def _drop(self, row: ApprovalRow, why: str) -> None:
        with self._database.unit_of_work() as session:
            now_us = self._clock.now_us()
            end(session, self._trail, row, (Event.CHANGED, why), now_us, rule="precondition")

    def _release(self) -> None:
        """What was held comes up when its reason is gone; a step that did not help never does."""
        with self._database.reading() as session:
            rows = repository.in_states(session, (State.HELD,))
            free = _free(session, [one for one in rows if one.held_for != LOOP])
        for row in free[:10]:
            with self._database.unit_of_work() as session:
                if _free(session, [row], lock=True):
                    self._let_go(session, row)

    def _let_go(self, session: Session, row: ApprovalRow) -> None:
        now_us = self._clock.now_us()
        expires_us = now_us + PREPARE_S * SECOND_US
        changed = repository.transition(
            session, row, Event.RELEASE, now_us, note="", held_for="", expires_us=expires_us
        )
        if changed is not None:
            announce(session, changed, SYSTEM, now_us)


def _free(
    session: Session, rows: Sequence[ApprovalRow], *, lock: bool = False
) -> list[ApprovalRow]:
    """Those that nothing holds any more; asked five times a second, so nothing is read per row."""
    if not rows:
        return []
    switch = repository.switch(session, lock=lock)
    others = repository.in_states(session, UNDER_WAY)
    return [row for row in rows if hold(row, others, switch) is None]
