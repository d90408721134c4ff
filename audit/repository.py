"""SQL of the log. Core statements: rows are bytes and numbers, the ORM would only cost time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update
from sqlmodel import Session

from audit.leaf import SaltedPayload
from audit.merkle import EMPTY_ROOT, Nodes
from audit.models import CHECKPOINT, HEAD, INDEX, LEAF, NODE, OUTBOX, PAYLOAD
from kernel.errors import Conflict, NotFound

_HEAD_ID = 1


class HeadMoved(Conflict):
    """Another sequencer was faster; nothing of this transaction may stay."""


@dataclass(frozen=True)
class StoredLeaf:
    """A leaf as stored."""

    seq: int
    body: bytes


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint as stored: not verified."""

    size: int
    root: bytes
    note: bytes
    at_us: int


@dataclass(frozen=True)
class IndexedLeaf:
    """What a leaf adds to `audit_leaf` and `audit_index`."""

    seq: int
    body: bytes
    hash: bytes
    id: str
    type: str
    incident: str
    actor: str
    at_us: int


@dataclass(frozen=True)
class Filter:
    """Which records are wanted; empty means any. `type` may end in `.*`."""

    incident: str = ""
    type: str = ""
    actor: str = ""

    def keeps(self, leaf: Mapping[str, Any]) -> bool:
        """The same choice over a parsed leaf as `applied` makes in SQL."""
        prefix = self.type.removesuffix("*") if self.type.endswith(".*") else ""
        return (
            self.incident in ("", leaf["incident"])
            and self.actor in ("", leaf["actor"]["ref"])
            and (leaf["type"].startswith(prefix) if prefix else self.type in ("", leaf["type"]))
        )

    def applied(self, query: Select[Any]) -> Select[Any]:
        """The query with its conditions on `audit_index`."""
        if self.incident:
            query = query.where(INDEX.c.incident == self.incident)
        if self.actor:
            query = query.where(INDEX.c.actor == self.actor)
        if self.type.endswith(".*"):
            return query.where(INDEX.c.type.startswith(self.type[:-1], autoescape=True))
        return query.where(INDEX.c.type == self.type) if self.type else query


def add_to_outbox(
    session: Session, record_id: str, body: bytes, payloads: Sequence[SaltedPayload]
) -> None:
    """Write a record and its payloads in the caller's transaction."""
    connection = session.connection()
    connection.execute(insert(OUTBOX).values(id=record_id, bytes=body))
    if payloads:
        rows = [{"id": one.id, "salt": one.salt, "bytes": one.data} for one in payloads]
        connection.execute(insert(PAYLOAD), rows)


def outbox_oldest(session: Session, limit: int) -> list[tuple[int, bytes]]:
    """(position, bytes) of the records that wait longest."""
    query = select(OUTBOX.c.position, OUTBOX.c.bytes).order_by(OUTBOX.c.position).limit(limit)
    return [(row[0], row[1]) for row in session.connection().execute(query)]


def outbox_newest(session: Session, limit: int) -> list[bytes]:
    """Bytes of waiting records, newest first."""
    query = select(OUTBOX.c.bytes).order_by(OUTBOX.c.position.desc()).limit(limit)
    return list(session.connection().execute(query).scalars())


def outbox_body(session: Session, record_id: str) -> bytes | None:
    """Bytes of one waiting record."""
    query = select(OUTBOX.c.bytes).where(OUTBOX.c.id == record_id)
    return session.connection().execute(query).scalar()


def drop_from_outbox(session: Session, positions: Sequence[int]) -> None:
    """Exactly these rows: one that committed late with a lower position must stay."""
    session.connection().execute(delete(OUTBOX).where(OUTBOX.c.position.in_(positions)))


def head(session: Session) -> tuple[int, bytes]:
    """Size and root of the tree; the row is made at the first call in a unit of work."""
    row = session.connection().execute(select(HEAD.c.size, HEAD.c.root)).first()
    return (0, EMPTY_ROOT) if row is None else (row[0], row[1])


def move_head(session: Session, old_size: int, new_size: int, root: bytes) -> None:
    """Compare and set. Raises HeadMoved where the size is not `old_size` any more."""
    connection = session.connection()
    if old_size == 0 and connection.execute(select(HEAD.c.id)).first() is None:
        # Two first sequencers: the primary key lets one of them through.
        connection.execute(insert(HEAD).values(id=_HEAD_ID, size=0, root=EMPTY_ROOT))
    moved = connection.execute(
        update(HEAD)
        .where(HEAD.c.id == _HEAD_ID, HEAD.c.size == old_size)
        .values(size=new_size, root=root)
    )
    if moved.rowcount != 1:
        raise HeadMoved(f"the log has grown beyond {old_size} records meanwhile")


def add_leaves(session: Session, leaves: Sequence[IndexedLeaf]) -> None:
    """Append leaves and what is searched by."""
    connection = session.connection()
    connection.execute(
        insert(LEAF), [{"seq": one.seq, "bytes": one.body, "hash": one.hash} for one in leaves]
    )
    connection.execute(
        insert(INDEX),
        [
            {
                "seq": one.seq,
                "id": one.id,
                "type": one.type,
                "incident": one.incident,
                "actor": one.actor,
                "at_us": one.at_us,
            }
            for one in leaves
        ],
    )


def add_nodes(session: Session, made: Sequence[tuple[int, int, bytes]]) -> None:
    """Store full subtrees (level, position, hash)."""
    rows = [{"level": level, "position": place, "hash": value} for level, place, value in made]
    if rows:
        session.connection().execute(insert(NODE), rows)


def nodes(session: Session) -> Nodes:
    """The stored tree. The function raises NotFound for what is not there."""
    connection = session.connection()

    def read(level: int, position: int) -> bytes:
        if level == 0:
            query = select(LEAF.c.hash).where(LEAF.c.seq == position)
        else:
            query = select(NODE.c.hash).where(NODE.c.level == level, NODE.c.position == position)
        found: bytes | None = connection.execute(query).scalar()
        if found is None:
            raise NotFound(
                f"the tree lacks the hash at level {level}, position {position}",
                hint="run `tillwatch audit verify`",
            )
        return found

    return read


def leaf_of_id(session: Session, record_id: str) -> StoredLeaf | None:
    """The leaf of a record; None where it is not sequenced."""
    query = (
        select(LEAF.c.seq, LEAF.c.bytes)
        .join(INDEX, INDEX.c.seq == LEAF.c.seq)
        .where(INDEX.c.id == record_id)
    )
    row = session.connection().execute(query).first()
    return None if row is None else StoredLeaf(row[0], row[1])


def newest_time_us(session: Session, size: int) -> int:
    """Time of the newest of the first `size` records."""
    query = select(INDEX.c.at_us).where(INDEX.c.seq == size - 1)
    found: int = session.connection().execute(query).scalar_one()
    return found


def leaves_newest(
    session: Session, wanted: Filter, before: int | None, limit: int
) -> list[tuple[int, bytes]]:
    """(seq, bytes), newest first."""
    query = wanted.applied(select(LEAF.c.seq, LEAF.c.bytes).join(INDEX, INDEX.c.seq == LEAF.c.seq))
    if before is not None:
        query = query.where(INDEX.c.seq < before)
    rows = session.connection().execute(query.order_by(INDEX.c.seq.desc()).limit(limit))
    return [(row[0], row[1]) for row in rows]


def newest_checkpoint(session: Session) -> StoredCheckpoint | None:
    """The stored checkpoint with the largest size."""
    columns = (CHECKPOINT.c.size, CHECKPOINT.c.root, CHECKPOINT.c.note, CHECKPOINT.c.at_us)
    query = select(*columns).order_by(CHECKPOINT.c.size.desc()).limit(1)
    row = session.connection().execute(query).first()
    return None if row is None else StoredCheckpoint(*row)


def signed_size(session: Session) -> int:
    """How many records the newest stored checkpoint covers."""
    found: int | None = session.connection().execute(select(func.max(CHECKPOINT.c.size))).scalar()
    return found or 0


def add_checkpoint(session: Session, checkpoint: StoredCheckpoint) -> None:
    """Store a checkpoint; one of that size that is already there stays."""
    connection = session.connection()
    known = connection.execute(
        select(CHECKPOINT.c.size).where(CHECKPOINT.c.size == checkpoint.size)
    ).first()
    if known is None:
        connection.execute(
            insert(CHECKPOINT).values(
                size=checkpoint.size,
                root=checkpoint.root,
                note=checkpoint.note,
                at_us=checkpoint.at_us,
            )
        )


def payload(session: Session, key: str) -> tuple[bytes, bytes] | None:
    """(salt, bytes) of a payload."""
    query = select(PAYLOAD.c.salt, PAYLOAD.c.bytes).where(PAYLOAD.c.id == key)
    row = session.connection().execute(query).first()
    return None if row is None else (row[0], row[1])


def leaves_from_start(session: Session, size: int) -> Iterator[tuple[int, bytes]]:
    """(seq, bytes) of the first `size` leaves, in order."""
    query = select(LEAF.c.seq, LEAF.c.bytes).where(LEAF.c.seq < size).order_by(LEAF.c.seq)
    rows = session.connection().execution_options(yield_per=1000).execute(query)
    return ((row[0], row[1]) for row in rows)
