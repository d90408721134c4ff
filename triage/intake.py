"""The consumer of the journal's alert stream, and of our own burn alerts.

A record is applied with its cursor in one unit of work. What fails is tried again alert by alert,
the attempt being counted before it is made (so that a crash counts too); after five tries the one
alert is set aside, and the rest of its post and all later posts go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from kernel.clock import Clock
from kernel.database import Database
from kernel.facts import Subscription
from kernel.facts.slo import BurnAlertClosed, BurnAlertOpened
from kernel.journal import JournalReader, JournalRecord, Stream
from triage import receiver_rows, repository
from triage.admission import Admission
from triage.alertmanager import Batch, parse
from triage.evidence.volume import ALERT_NAME, ALL_SOURCES
from triage.evidence.volume import LABEL as SILENCE
from triage.identity import OWN_SOURCE, Delivery
from triage.models import AlertCursorRow, AlertQuarantineRow
from triage.second_channel import SecondChannel

CONSUMER = "triage.intake"
MAX_TRIES = 5
_GIVE_UP_RECORD = 2 * MAX_TRIES
_BATCH = 50
_CHUNK = 50


class AlertIntake:
    """Part "triage.intake": `step()` applies a bounded number of records."""

    def __init__(
        self,
        database: Database,
        reader: JournalReader,
        admission: Admission,
        clock: Clock,
        read_post: Callable[[bytes], Batch] = parse,
    ) -> None:
        """`read_post` turns a stored body into alerts; it must not raise."""
        self._database = database
        self._reader = reader
        self._admission = admission
        self._clock = clock
        self._read_post = read_post

    def step(self) -> bool:
        """True where something was taken: call again."""
        with self._database.reading() as session:
            cursor = _cursor(session)
        records = self._reader.read([Stream.ALERT], cursor.position, limit=_BATCH)
        if not records:
            return False
        try:
            if cursor.tries:
                self._take_with_care(records[0], cursor)
                return True
            self._mark(tries=1, item=0)
            for record in records:
                self._take(record, last=record is records[-1])
        except OperationalError:
            self._forgive(cursor.tries)
            raise
        return True

    def position(self) -> int:
        """How far the stream is applied: the journal must keep what lies behind it."""
        with self._database.reading() as session:
            return _cursor(session).position

    def _take(self, record: JournalRecord, *, last: bool) -> None:
        """In chunks: a post of 16 MiB must not hold the database for seconds."""
        batch = self._read_post(record.body)
        whole = batch.deliveries
        for start in range(0, max(1, len(whole)), _CHUNK):
            end = start + _CHUNK
            with self._database.unit_of_work() as session:
                # Before as well: the last end in a post must not close what the post leaves open.
                # That nothing is left out any more counts only after all that it tells.
                if batch.truncated:
                    self._left_out(session, batch)
                self._admission.tell(session, *whole[start:end])
                if end < len(whole):
                    _move(session, item=end, tries=1)
                else:
                    self._finish(session, record, batch, tries=0 if last else 1)

    def _take_with_care(self, record: JournalRecord, cursor: AlertCursorRow) -> None:
        """After a failure: each alert in a unit of work of its own."""
        tries, item = cursor.tries, cursor.item
        if tries >= _GIVE_UP_RECORD:
            with self._database.unit_of_work() as session:
                self._set_aside(session, record, -1, "the post could not be read at all")
                self._finish(session, record, Batch(), tries=0)
            return
        self._mark(tries=tries + 1, item=item)
        batch = self._read_post(record.body)
        for index in range(item, len(batch.deliveries)):
            with self._database.unit_of_work() as session:
                if batch.truncated:
                    self._left_out(session, batch)
                if index == item and tries >= MAX_TRIES:
                    reason = f"failed {MAX_TRIES} times; the log of {CONSUMER} says why"
                    self._set_aside(session, record, index, reason)
                else:
                    self._admission.tell(session, batch.deliveries[index])
                _move(session, item=index + 1, tries=1)
        with self._database.unit_of_work() as session:
            self._finish(session, record, batch, tries=0)

    def _finish(self, session: Session, record: JournalRecord, batch: Batch, *, tries: int) -> None:
        self._left_out(session, batch)
        for broken in batch.broken:
            self._set_aside(session, record, broken.index, broken.reason)
        row = _cursor(session)
        row.position, row.item, row.tries = record.position, 0, tries
        row.echoes += batch.echoes
        row.truncated += batch.truncated
        session.add(row)

    def _left_out(self, session: Session, batch: Batch) -> None:
        keys = [told.key for told in batch.deliveries[:_CHUNK]]
        self._admission.left_out(session, keys, batch.group_key, batch.truncated)

    def _mark(self, *, tries: int, item: int) -> None:
        with self._database.unit_of_work() as session:
            _move(session, item=item, tries=tries)

    def _forgive(self, tries: int) -> None:
        """The database is locked or its disk is full: no fault of the alert, so no try."""
        with self._database.unit_of_work() as session:
            row = _cursor(session)
            row.tries = min(row.tries, max(1, tries))
            session.add(row)

    def _set_aside(self, session: Session, record: JournalRecord, item: int, reason: str) -> None:
        row = AlertQuarantineRow(
            position=record.position,
            item=item,
            reason=reason,
            receipt=record.receipt,
            at_us=self._clock.now_us(),
        )
        receiver_rows.quarantine(session, row)


def read_position(database: Database) -> int:
    """How far the journal's alert stream has been read."""
    with database.reading() as session:
        return _cursor(session).position


def _cursor(session: Session) -> AlertCursorRow:
    return session.get(AlertCursorRow, CONSUMER) or AlertCursorRow(consumer=CONSUMER)


def _move(session: Session, *, item: int, tries: int) -> None:
    row = _cursor(session)
    row.item, row.tries = item, tries
    session.add(row)


def burn_alerts(admission: Admission, second: SecondChannel) -> Subscription:
    """Our own burn alerts: members with the source `tillwatch`, without a detour.

    The second channel tells each to Alertmanager, but none of a silenced incident; what comes back
    from there is an echo.
    """

    def handle(session: Session, fact: Any) -> None:
        if isinstance(fact, BurnAlertOpened):
            told = opened_delivery(fact)
            row = repository.incident(session, admission.tell(session, told))
            if row is None or row.silenced_until_us is None:
                second.alert(session, told, "opened", told.starts_us)
        elif isinstance(fact, BurnAlertClosed):
            for member in repository.firing_of_alert(session, OWN_SOURCE, fact.alert_id):
                told = closed_delivery(fact, member.told)
                admission.tell(session, told)
                second.alert(session, told, "closed", fact.closed_us)

    return Subscription("triage.burn_alerts", [BurnAlertOpened, BurnAlertClosed], handle)


# Tier `down`: a part that is all but gone, at too little traffic for the fast tier.
_SAID = {"down": "At least half fails"}
_ALERT_NAMES = {"burn": "BudgetBurn", "silence": ALERT_NAME, "no_data": "NoData"}


def opened_delivery(fact: BurnAlertOpened) -> Delivery:
    """A burn alert as an alert. Tiers that do not page join incidents but open none."""
    where = ", ".join(f"{name} {value}" for name, value in fact.segment.items())
    said = _SAID.get(fact.tier, "Promise at risk")
    title = fact.title or f"{said}: {fact.display_name}" + (f" ({where})" if where else "")
    return Delivery(
        source=OWN_SOURCE,
        fingerprint=fact.alert_id,
        starts_us=fact.opened_us,
        resolved=False,
        onset_us=fact.onset_us,
        objective_id=fact.objective_id,
        service=fact.service,
        title=title,
        labels={
            **fact.segment,
            "alertname": _ALERT_NAMES[fact.kind],
            "service": fact.service,
            "objective": fact.objective_id,
            "tier": fact.tier,
            "severity": "page" if fact.page else "ticket",
            **({SILENCE: fact.source or ALL_SOURCES} if fact.kind == "silence" else {}),
        },
        annotations={"reason": fact.reason},
        segment=fact.segment,
        pages=fact.page,
        bad=fact.bad,
        total=fact.total,
    )


def closed_delivery(fact: BurnAlertClosed, told: Delivery) -> Delivery:
    """The end of that alert."""
    return Delivery(
        source=OWN_SOURCE,
        fingerprint=fact.alert_id,
        starts_us=told.starts_us,
        resolved=True,
        ends_us=fact.closed_us,
        onset_us=told.onset_us,
        objective_id=told.objective_id,
        service=told.service,
        title=told.title,
        labels=told.labels,
        segment=told.segment,
        pages=told.pages,
    )
