"""Sequencing and signing: outbox -> leaves -> signed checkpoint.

One transaction moves records from the outbox to leaves and the head with them (compare and set),
so that two sequencers cannot give one index to two records. The signature comes after that commit:
first the new checkpoint goes to its file outside of the database, then into the table. A crash in
between leaves a file that is ahead of the table but never ahead of the leaves.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlmodel import Session

from audit import repository
from audit.canonical import parse
from audit.entries import Actor, Entry
from audit.keys import last_signed, signing_key, write_durably
from audit.leaf import time_of
from audit.log import AuditLog
from audit.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    frontier,
    leaf_hash,
    root_at,
    verify_consistency,
)
from audit.note import Checkpoint, SignerKey, sign_checkpoint
from audit.repository import HeadMoved, IndexedLeaf, StoredCheckpoint
from kernel.clock import Clock
from kernel.database import Database
from kernel.errors import BadInput, NotFound, TillwatchError

BATCH = 500
_SERVICE = Actor("service", "audit")


class LogRolledBack(TillwatchError):
    """The database does not continue what was signed. The log stops until a human decides."""

    code = "audit_rolled_back"
    exit_code = 1


class AuditSequencer:
    """One step at a time: sequence what waits, then sign. Not for use by two threads at once."""

    def __init__(self, database: Database, log: AuditLog, clock: Clock) -> None:
        self._database = database
        self._log = log
        self._clock = clock
        self._settings = log.settings
        self._key: SignerKey | None = None
        self._last_signed_s = 0.0
        self._halted = ""

    @property
    def halted(self) -> str:
        """Why nothing is sequenced or signed any more; empty while all is well."""
        return self._halted

    def step(self) -> bool:
        """Sequence a batch and sign it; True where more waits.

        Raises LogRolledBack once where the database lost something that was signed; from then on
        records stay in the outbox, nothing gets a proof, and `halted` says why.
        """
        if self._halted:
            return False
        try:
            return self._step()
        except LogRolledBack as error:
            self._halted = f"{error.message}. {error.hint}"
            raise

    def stop(self) -> None:
        """Record the stop, then sequence and sign all that waits. The last call."""
        if self._halted or self._key is None:
            return
        self._note("audit.stopped", self._key)
        while self.step():
            pass

    def _step(self) -> bool:
        key = self._key or self._start()
        due_s = self._last_signed_s + self._settings.audit_heartbeat_s
        if self._clock.monotonic_s() >= due_s:
            self._note("audit.heartbeat", key)
            self._last_signed_s = self._clock.monotonic_s()
        try:
            moved = self._sequence()
        except HeadMoved:
            return True
        self._sign(key)
        return moved == BATCH

    def _start(self) -> SignerKey:
        key = signing_key(self._settings)
        with self._database.reading() as session:
            self._check_signed(session, key)
        self._key = key
        self._last_signed_s = self._clock.monotonic_s()
        self._note("audit.started", key)
        return key

    def _note(self, kind: str, key: SignerKey) -> None:
        entry = Entry(kind, _SERVICE, "log", key.name, data={"boot": self._log.boot})
        with self._database.unit_of_work() as session:
            self._log.record(session, entry)

    # --- sequencing --------------------------------------------------------------------------

    def _sequence(self) -> int:
        """Move up to BATCH records from the outbox into the tree; how many."""
        with self._database.reading() as session:
            if not repository.outbox_oldest(session, 1):
                return 0
        with self._database.unit_of_work() as session:
            waiting = repository.outbox_oldest(session, BATCH)
            if not waiting:
                return 0
            size, root = repository.head(session)
            edge = _edge(session, size, root)
            leaves, made = _grow(edge, [body for _, body in waiting])
            repository.move_head(session, size, edge.size, edge.root())
            repository.add_leaves(session, leaves)
            repository.add_nodes(session, made)
            repository.drop_from_outbox(session, [position for position, _ in waiting])
        return len(waiting)

    # --- signing -----------------------------------------------------------------------------

    def _sign(self, key: SignerKey) -> None:
        """Sign the head where it is not signed yet; first to the file, then to the table."""
        with self._database.reading() as session:
            if repository.head(session)[0] == repository.signed_size(session):
                return
        with self._alone():
            with self._database.reading() as session:
                size, root = repository.head(session)
                signed = self._check_signed(session, key)
                at_us = repository.newest_time_us(session, size)
            head = Checkpoint(key.name, size, root)
            note = sign_checkpoint(head, key)
            if signed != head:
                write_durably(self._settings.checkpoint_path, note)
        with self._database.unit_of_work() as session:
            repository.add_checkpoint(session, StoredCheckpoint(size, root, note, at_us))
        self._last_signed_s = self._clock.monotonic_s()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between reading the last checkpoint and writing the next nobody else signs."""
        with self._settings.key_path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _check_signed(self, session: Session, key: SignerKey) -> Checkpoint | None:
        """The last signed checkpoint, once the stored tree is proven to continue it."""
        size, root = repository.head(session)
        try:
            signed = last_signed(self._settings, key.verifier)
        except BadInput as error:
            raise self._rolled_back(
                f"{self._settings.checkpoint_path} is not ours: {error}"
            ) from None
        if signed is None:
            if repository.signed_size(session):
                raise self._rolled_back(f"{self._settings.checkpoint_path} is gone")
            return None
        if size < signed.size:
            raise self._rolled_back(
                f"the database holds {size} records, but {signed.size} were signed"
            )
        if not _continues(session, signed, size, root):
            raise self._rolled_back(
                f"the first {signed.size} records are not those that were signed"
            )
        return signed

    def _rolled_back(self, reason: str) -> LogRolledBack:
        return LogRolledBack(
            f"the audit log stops: {reason}",
            hint="run `tillwatch audit verify`, then put back the newest copy of the database "
            "or of the checkpoint file, whichever was lost",
        )


def _edge(session: Session, size: int, root: bytes) -> Frontier:
    """The stored frontier. Raises LogRolledBack where it does not lead to the head's root."""
    try:
        edge = frontier(size, repository.nodes(session))
        good = edge.root() == root
    except NotFound:
        good = False
    if not good:
        raise LogRolledBack(
            f"the audit log stops: its nodes do not lead to the root at {size} records",
            hint="run `tillwatch audit verify`",
        )
    return edge


def _grow(
    edge: Frontier, bodies: list[bytes]
) -> tuple[list[IndexedLeaf], list[tuple[int, int, bytes]]]:
    leaves: list[IndexedLeaf] = []
    made: list[tuple[int, int, bytes]] = []
    for body in bodies:
        digest = leaf_hash(body)
        leaves.append(indexed(edge.size, body, digest, parse(body)))
        made += edge.append(digest)
    return leaves, made


def indexed(seq: int, body: bytes, digest: bytes, value: dict[str, Any]) -> IndexedLeaf:
    """A leaf with what is searched by, from its parsed bytes."""
    return IndexedLeaf(
        seq=seq,
        body=body,
        hash=digest,
        id=value["id"],
        type=value["type"],
        incident=value["incident"],
        actor=value["actor"]["ref"],
        at_us=time_of(value),
    )


def _continues(session: Session, signed: Checkpoint, size: int, root: bytes) -> bool:
    """True where the stored tree (size, root) has the signed one as its prefix."""
    nodes = repository.nodes(session)
    if signed.size == 0:
        return signed.root == EMPTY_ROOT
    try:
        if root_at(size, nodes) != root:
            return False
        proof = consistency_proof(signed.size, size, nodes)
    except NotFound:
        return False
    return verify_consistency(signed.size, size, proof, signed.root, root)
