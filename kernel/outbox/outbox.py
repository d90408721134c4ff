"""The outbox: written in the transaction of the change, drained by the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from sqlmodel import JSON, Column, Field, Session, SQLModel, col, func, select

from kernel.clock import SECOND_US, Clock
from kernel.database import BigInt, Database
from kernel.ids import uuid7
from kernel.parts import Part

_FIRST_RETRY_S = 1.0
_MAX_RETRY_S = 300.0
_MAX_ATTEMPTS = 50
_MAX_LANES_A_STEP = 500


class DeliveryRow(SQLModel, table=True):
    """One delivery. state: waiting | delivered | failed (given up, shown to people)."""

    __tablename__ = "delivery"
    id: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInt, index=True)
    channel: str = Field(index=True)
    lane: str = Field(index=True)
    idempotency_key: str = Field(unique=True)
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    state: str = Field(default="waiting", index=True)
    attempts: int = 0
    next_at_us: int = Field(default=0, sa_type=BigInt)
    last_error: str = ""
    created_us: int = Field(sa_type=BigInt)
    finished_us: int | None = Field(default=None, sa_type=BigInt)


@dataclass(frozen=True)
class Delivery:
    """What a deliverer gets."""

    id: str
    channel: str
    lane: str
    idempotency_key: str
    payload: Mapping[str, Any]
    attempts: int
    created_us: int


class RetryLater(Exception):
    """Raised by a deliverer: not now; try again (after `after_s`, where the peer said so)."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        self.after_s = after_s


class PermanentFailure(Exception):
    """Raised by a deliverer: no retry can help (token revoked, channel gone)."""


class Deliverer(Protocol):
    """Sends one delivery over the network, outside of any transaction.

    Returns what shall be done in the unit of work that marks it delivered (or None).
    """

    def __call__(self, delivery: Delivery) -> Callable[[Session], None] | None: ...


def enqueue(
    session: Session,
    *,
    channel: str,
    lane: str,
    idempotency_key: str,
    payload: Mapping[str, Any],
    clock: Clock,
    not_before_us: int = 0,
) -> None:
    """Write a delivery in the caller's transaction. A known idempotency key changes nothing.

    Deliveries of one (channel, lane) go out one by one in the order they were written, this one
    at `not_before_us` or later.
    """
    known = session.exec(
        select(DeliveryRow.id).where(DeliveryRow.idempotency_key == idempotency_key)
    ).first()
    if known is not None:
        return
    last = session.exec(
        select(DeliveryRow.sequence).order_by(col(DeliveryRow.sequence).desc()).limit(1)
    ).first()
    session.add(
        DeliveryRow(
            id=uuid7(clock),
            sequence=(last or 0) + 1,
            channel=channel,
            lane=lane,
            idempotency_key=idempotency_key,
            payload=dict(payload),
            created_us=clock.now_us(),
            next_at_us=not_before_us,
        )
    )
    session.flush()


class Outbox:
    """Drains the deliveries of all channels that have a deliverer."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._deliverers: dict[str, Deliverer] = {}

    def register(self, channel: str, deliverer: Deliverer) -> None:
        """Name the one deliverer of a channel."""
        self._deliverers[channel] = deliverer

    def parts(self) -> list[Part]:
        """A loop for each channel: one that hangs or breaks holds up no other."""
        return [
            Part(f"outbox.drain.{channel}", partial(self.step, [channel]))
            for channel in self._deliverers
        ]

    def step(self, channels: Sequence[str] | None = None) -> bool:
        """Try the next due delivery of each lane (of `channels`); True where something was sent."""
        sent = False
        for delivery in self._due(channels or list(self._deliverers)):
            sent = self._attempt(delivery) or sent
        return sent

    def oldest_waiting_us(self) -> int | None:
        """When the oldest waiting delivery was written; None where nothing waits."""
        with self._database.reading() as session:
            return session.exec(
                select(DeliveryRow.created_us)
                .where(DeliveryRow.state == "waiting")
                .where(col(DeliveryRow.channel).in_(list(self._deliverers)))
                .order_by(col(DeliveryRow.sequence))
                .limit(1)
            ).first()

    def _due(self, channels: Sequence[str]) -> list[Delivery]:
        """The first waiting delivery of each lane, where its time has come."""
        now_us = self._clock.now_us()
        firsts = (
            select(func.min(DeliveryRow.sequence))
            .where(DeliveryRow.state == "waiting")
            .where(col(DeliveryRow.channel).in_(channels))
            .group_by(col(DeliveryRow.channel), col(DeliveryRow.lane))
        )
        with self._database.reading() as session:
            rows = session.exec(
                select(DeliveryRow)
                .where(col(DeliveryRow.sequence).in_(firsts))
                .where(DeliveryRow.next_at_us <= now_us)
                .order_by(col(DeliveryRow.sequence))
                .limit(_MAX_LANES_A_STEP)
            ).all()
        return [
            Delivery(
                id=row.id,
                channel=row.channel,
                lane=row.lane,
                idempotency_key=row.idempotency_key,
                payload=row.payload,
                attempts=row.attempts,
                created_us=row.created_us,
            )
            for row in rows
        ]

    def _attempt(self, delivery: Delivery) -> bool:
        try:
            then = self._deliverers[delivery.channel](delivery)
        except RetryLater as later:
            wait_s = later.after_s or min(_MAX_RETRY_S, _FIRST_RETRY_S * 2**delivery.attempts)
            give_up = delivery.attempts + 1 >= _MAX_ATTEMPTS
            self._mark(delivery.id, "failed" if give_up else "waiting", str(later), wait_s)
            return False
        except PermanentFailure as failure:
            self._mark(delivery.id, "failed", str(failure), 0)
            return False
        with self._database.unit_of_work() as session:
            row = session.get(DeliveryRow, delivery.id)
            if row is not None:
                row.state = "delivered"
                row.attempts += 1
                row.finished_us = self._clock.now_us()
                session.add(row)
            if then is not None:
                then(session)
        return True

    def _mark(self, delivery_id: str, state: str, error: str, wait_s: float) -> None:
        """A failed attempt must be recorded even though nothing else changed."""
        with self._database.unit_of_work() as session:
            row = session.get(DeliveryRow, delivery_id)
            if row is None:
                return
            row.state = state
            row.attempts += 1
            row.last_error = error[:500]
            row.next_at_us = self._clock.now_us() + round(wait_s * SECOND_US)
            if state == "failed":
                row.finished_us = self._clock.now_us()
            session.add(row)
