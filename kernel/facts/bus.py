"""The fact log and its dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import OperationalError
from sqlmodel import JSON, Column, Field, Session, SQLModel, col, select

from kernel.clock import Clock
from kernel.database import BigInt, Database

MAX_TRIES = 5
_BATCH = 50


class Fact(BaseModel):
    """Base of all facts: `name` is `package.subject.verb`, `v` grows with the schema."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: ClassVar[str]
    v: int = 1


class FactRow(SQLModel, table=True):
    """One published fact."""

    __tablename__ = "fact"
    position: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    name: str = Field(index=True)
    at_us: int = Field(sa_type=BigInt)
    payload: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))


class FactCursorRow(SQLModel, table=True):
    """How far a subscriber has come."""

    __tablename__ = "fact_cursor"
    subscriber: str = Field(primary_key=True)
    position: int = Field(default=0, sa_type=BigInt)
    tries: int = 0


class FactQuarantineRow(SQLModel, table=True):
    """A fact that a subscriber could not take: kept, shown, and out of the way."""

    __tablename__ = "fact_quarantine"
    subscriber: str = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInt)
    error: str
    at_us: int = Field(sa_type=BigInt)


def publish(session: Session, fact: Fact, at_us: int) -> None:
    """Publish in the caller's transaction: the fact exists if and only if the change does."""
    session.add(FactRow(name=fact.name, at_us=at_us, payload=fact.model_dump(mode="json")))


@dataclass(frozen=True)
class Subscription:
    """`handle` runs in a unit of work that also moves the subscriber's cursor.

    It must be quick and must not call the network: it writes down what has to be done.
    """

    subscriber: str
    facts: Sequence[type[Fact]]
    handle: Callable[[Session, Any], None]


class FactDispatcher:
    """Brings facts to their subscribers, in order, at least once per commit and so exactly once."""

    def __init__(
        self, database: Database, clock: Clock, on_error: Callable[[str, str], None]
    ) -> None:
        """`on_error(subscriber, text)` is told of each failure (log and metric)."""
        self._database = database
        self._clock = clock
        self._on_error = on_error
        self._subscriptions: list[Subscription] = []

    def subscribe(self, subscription: Subscription) -> None:
        """Add a subscriber. Its name is its cursor's name: never rename it."""
        self._subscriptions.append(subscription)

    def step(self) -> bool:
        """Bring each subscriber a bounded batch; True where somebody has more waiting."""
        busy = False
        for subscription in self._subscriptions:
            for _ in range(_BATCH):
                if not self._deliver_next(subscription):
                    break
            else:
                busy = True
        return busy

    def _deliver_next(self, subscription: Subscription) -> bool:
        with self._database.reading() as session:
            row = self._next(session, subscription)
        if row is None or row.position is None:
            return False
        by_name: Mapping[str, type[Fact]] = {fact.name: fact for fact in subscription.facts}
        try:
            with self._database.unit_of_work() as session:
                subscription.handle(session, by_name[row.name].model_validate(row.payload))
                self._move(session, subscription.subscriber, row.position)
        except OperationalError as error:
            # The database is locked or its disk is full: no fault of the fact, which waits.
            self._on_error(subscription.subscriber, f"{row.name} at {row.position}: {error!r}")
            return False
        except Exception as error:  # noqa: BLE001 - the edge that keeps one bad fact from stopping all
            self._on_error(subscription.subscriber, f"{row.name} at {row.position}: {error!r}")
            return self._failed(subscription.subscriber, row.position, repr(error))
        return True

    @staticmethod
    def _next(session: Session, subscription: Subscription) -> FactRow | None:
        cursor = session.get(FactCursorRow, subscription.subscriber)
        names = [fact.name for fact in subscription.facts]
        return session.exec(
            select(FactRow)
            .where(col(FactRow.position) > (cursor.position if cursor else 0))
            .where(col(FactRow.name).in_(names))
            .order_by(col(FactRow.position))
            .limit(1)
        ).first()

    @staticmethod
    def _move(session: Session, subscriber: str, position: int) -> None:
        cursor = session.get(FactCursorRow, subscriber) or FactCursorRow(subscriber=subscriber)
        cursor.position = position
        cursor.tries = 0
        session.add(cursor)

    def _failed(self, subscriber: str, position: int, error: str) -> bool:
        """Count the try in a unit of work of its own; True where the fact is now out of the way."""
        with self._database.unit_of_work() as session:
            cursor = session.get(FactCursorRow, subscriber) or FactCursorRow(subscriber=subscriber)
            cursor.tries += 1
            session.add(cursor)
            if cursor.tries < MAX_TRIES:
                return False
            session.add(
                FactQuarantineRow(
                    subscriber=subscriber,
                    position=position,
                    error=error[:2000],
                    at_us=self._clock.now_us(),
                )
            )
            self._move(session, subscriber, position)
            return True
