"""Tables of the log.

Truth: `audit_leaf` and `audit_payload`, with the signatures in `audit_checkpoint`. `audit_outbox`
holds records until they are sequenced. `audit_head`, `audit_node` and `audit_index` are derived:
they can be rebuilt from the leaves, and the verifier re-derives every column of them.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel

from kernel.database import BigInt


def _binary(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


class AuditOutboxRow(SQLModel, table=True):
    """A record that is written but not in the tree yet. Gone once it is a leaf."""

    __tablename__ = "audit_outbox"
    position: int | None = Field(default=None, primary_key=True, sa_type=BigInt)
    id: str = Field(unique=True)
    body: bytes = Field(sa_column=_binary("bytes"))


class AuditLeafRow(SQLModel, table=True):
    """Leaf `seq` (0, 1, 2, ...): canonical bytes and SHA-256(0x00 || bytes)."""

    __tablename__ = "audit_leaf"
    seq: int = Field(primary_key=True, sa_type=BigInt)
    body: bytes = Field(sa_column=_binary("bytes"))
    leaf_hash: bytes = Field(sa_column=_binary("hash"))


class AuditPayloadRow(SQLModel, table=True):
    """A payload and its salt. `id` = `<record id>:<name>`."""

    __tablename__ = "audit_payload"
    id: str = Field(primary_key=True)
    salt: bytes = Field(sa_column=_binary("salt"))
    body: bytes = Field(sa_column=_binary("bytes"))


class AuditCheckpointRow(SQLModel, table=True):
    """A signed tree head. `at_us` is the time of the newest record it covers."""

    __tablename__ = "audit_checkpoint"
    size: int = Field(primary_key=True, sa_type=BigInt)
    root: bytes = Field(sa_column=_binary("root"))
    note: bytes = Field(sa_column=_binary("note"))
    at_us: int = Field(sa_type=BigInt)


class AuditHeadRow(SQLModel, table=True):
    """One row (id 1): size and root of the tree. Compared and set by whoever sequences."""

    __tablename__ = "audit_head"
    id: int = Field(primary_key=True)
    size: int = Field(sa_type=BigInt)
    root: bytes = Field(sa_column=_binary("root"))


class AuditNodeRow(SQLModel, table=True):
    """Hash of a full subtree: level >= 1, position counted within the level."""

    __tablename__ = "audit_node"
    level: int = Field(primary_key=True)
    position: int = Field(primary_key=True, sa_type=BigInt)
    node_hash: bytes = Field(sa_column=_binary("hash"))


class AuditIndexRow(SQLModel, table=True):
    """What pages search by, taken from the leaf."""

    __tablename__ = "audit_index"
    __table_args__ = (
        Index("ix_audit_index_incident_seq", "incident", "seq"),
        Index("ix_audit_index_type_seq", "type", "seq"),
        Index("ix_audit_index_actor_seq", "actor", "seq"),
    )
    seq: int = Field(primary_key=True, sa_type=BigInt)
    id: str = Field(unique=True)
    type: str
    incident: str
    actor: str
    at_us: int = Field(sa_type=BigInt)


def _table(model: type[SQLModel]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table


OUTBOX = _table(AuditOutboxRow)
LEAF = _table(AuditLeafRow)
PAYLOAD = _table(AuditPayloadRow)
CHECKPOINT = _table(AuditCheckpointRow)
HEAD = _table(AuditHeadRow)
NODE = _table(AuditNodeRow)
INDEX = _table(AuditIndexRow)
