"""The audit log as other packages use it: record, read, prove."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlmodel import Session

from audit import leaf, repository
from audit.canonical import parse
from audit.entries import Entry
from audit.keys import signing_key, verifier_key
from audit.leaf import Stamp, commit_digest, payload_id
from audit.merkle import inclusion_proof, leaf_hash, verify_inclusion
from audit.note import Checkpoint, VerifierKey, open_checkpoint, sign_statement
from audit.proof_file import proof_text
from audit.schemas import ActorOut, CheckpointOut, CommitOut, RecordOut, SubjectOut
from audit.settings import AuditSettings
from kernel.clock import Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, NotFound, TillwatchError
from kernel.ids import uuid7
from kernel.version import VERSION

_MAX_PAGE = 500


class ProofFailed(TillwatchError):
    """The log is not what was signed. Nothing may be done on the strength of it."""

    code = "audit_proof_failed"
    status = 500
    exit_code = 1


@dataclass(frozen=True)
class VerifiedProof:
    """A record in a signed checkpoint, checked with the public key.

    `record` is the parsed leaf; `note` the checkpoint as signed; `path` the RFC 6962 audit path.
    """

    record_id: str
    index: int
    checkpoint: Checkpoint
    path: tuple[bytes, ...]
    body: bytes
    record: Mapping[str, Any]
    note: bytes

    def reference(self) -> dict[str, Any]:
        """`{index, size, root}` for the data of the record that relies on this proof."""
        root = self.checkpoint.root.hex()
        return {"index": self.index, "size": self.checkpoint.size, "root": root}

    def text(self) -> str:
        """The proof as a file of c2sp.org/tlog-proof."""
        return proof_text(self.index, self.path, self.note)


class AuditLog:
    """One per process. Threads may share it: it holds no session."""

    def __init__(self, database: Database, clock: Clock, settings: AuditSettings) -> None:
        """Touches no file until the first record or proof."""
        self._database = database
        self._clock = clock
        self._settings = settings
        self._boot = secrets.token_hex(8)
        self._started_s = clock.monotonic_s()
        self._lock = threading.Lock()
        self._origin = ""

    @property
    def settings(self) -> AuditSettings:
        """Where the files lie."""
        return self._settings

    @property
    def boot(self) -> str:
        """Id of this process run, as in the records."""
        return self._boot

    def record(self, session: Session, entry: Entry) -> str:
        """Write a record in the caller's transaction; returns its id (UUIDv7).

        Raises BadInput or TooLarge where the entry does not fit its type's schema: the caller's
        change must not happen then.
        """
        record_id = uuid7(self._clock)
        elapsed_us = round((self._clock.monotonic_s() - self._started_s) * 1_000_000)
        stamp = Stamp(
            log=self._log_origin(),
            id=record_id,
            at_us=self._clock.now_us(),
            mono_us=max(0, elapsed_us),
            boot=self._boot,
            version=VERSION,
        )
        body, payloads = leaf.build(entry, stamp)
        repository.add_to_outbox(session, record_id, body, payloads)
        return record_id

    def proof(self, record_id: str) -> VerifiedProof | None:
        """Inclusion of the record in the newest signed checkpoint; None while not yet covered.

        Raises ProofFailed where signature, leaf or path are not good.
        """
        with self._database.reading() as session:
            found = repository.leaf_of_id(session, record_id)
            newest = repository.newest_checkpoint(session)
            if found is None or newest is None or newest.size <= found.seq:
                return None
            try:
                path = tuple(inclusion_proof(found.seq, newest.size, repository.nodes(session)))
            except NotFound as error:
                raise ProofFailed(f"record {record_id}: {error}", hint=_NEXT) from None
        return _verified(record_id, found, newest, path, self._vkey)

    def checkpoint(self) -> CheckpointOut | None:
        """The newest signed checkpoint in the database; None where nothing was signed yet."""
        with self._database.reading() as session:
            found = repository.newest_checkpoint(session)
        if found is None:
            return None
        return CheckpointOut(
            origin=self._vkey.name,
            size=found.size,
            root=found.root.hex(),
            at=rfc3339(found.at_us),
            note=found.note.decode("utf-8"),
        )

    def entries(
        self,
        *,
        incident: str = "",
        type: str = "",  # noqa: A002 - the word of the log and of the query parameter
        actor: str = "",
        before: int | None = None,
        limit: int = 50,
    ) -> list[RecordOut]:
        """Records newest first. `type` may end in `.*`; `before`: only leaves below this seq.

        The first page (no `before`) starts with what is not sequenced yet. The next page's
        `before` is the smallest `seq` of this one.
        """
        limit = max(1, min(limit, _MAX_PAGE))
        wanted = repository.Filter(incident=incident, type=type, actor=actor)
        with self._database.reading() as session:
            signed = repository.signed_size(session)
            waiting = [] if before is not None else repository.outbox_newest(session, limit)
            leaves = repository.leaves_newest(session, wanted, before, limit)
        found: list[RecordOut] = []
        for body in waiting:
            value = parse(body)
            if wanted.keeps(value):
                found.append(record_out(None, value, checkpointed=False))
        found += [record_out(seq, parse(body), checkpointed=seq < signed) for seq, body in leaves]
        return found[:limit]

    def subject_entries(self, *, incident: str, limit: int = _MAX_PAGE) -> list[RecordOut]:
        """An incident's records, oldest first."""
        return self.entries(incident=incident, limit=limit)[::-1]

    def entry(self, record_id: str) -> RecordOut:
        """One record. Raises NotFound."""
        with self._database.reading() as session:
            signed = repository.signed_size(session)
            found = repository.leaf_of_id(session, record_id)
            body = None if found else repository.outbox_body(session, record_id)
        if found is not None:
            return record_out(found.seq, parse(found.body), checkpointed=found.seq < signed)
        if body is None:
            raise NotFound(f"there is no record {record_id[:80]!r} in the log")
        return record_out(None, parse(body), checkpointed=False)

    def payload(self, record_id: str, name: str) -> bytes:
        """A payload, checked against the digest in its record.

        Raises NotFound where there is none (any more), ProofFailed where it was changed.
        """
        commits = {commit.name: commit.digest for commit in self.entry(record_id).payloads}
        with self._database.reading() as session:
            found = repository.payload(session, payload_id(record_id, name))
        if name not in commits or found is None:
            raise NotFound(f"record {record_id[:80]} has no payload {name[:40]!r}")
        if commit_digest(*found).hex() != commits[name]:
            raise ProofFailed(
                f"payload {name} of record {record_id} is not what was recorded",
                hint="run `tillwatch audit verify`",
            )
        return found[1]

    def statement(self, kind: str, body: str) -> bytes:
        """A signed note `<log>/<kind>` over `body`, for whoever holds the public key.

        The signature alone does not stop us from signing two different ones: record it.
        """
        return sign_statement(kind, body, signing_key(self._settings))

    @property
    def vkey(self) -> VerifierKey:
        """The public key. Raises NotConfigured where there is none yet."""
        return self._vkey

    @cached_property
    def _vkey(self) -> VerifierKey:
        return verifier_key(self._settings)

    def _log_origin(self) -> str:
        """The log's name; the first process that records anything makes the key."""
        with self._lock:
            if not self._origin:
                self._origin = signing_key(self._settings).name
            return self._origin


def record_out(seq: int | None, value: Mapping[str, Any], *, checkpointed: bool) -> RecordOut:
    """A parsed leaf as pages and API show it."""
    return RecordOut(
        seq=seq,
        id=value["id"],
        at=value["ts"],
        type=value["type"],
        actor=ActorOut(**value["actor"]),
        subject=SubjectOut(**value["subject"]),
        incident=value["incident"],
        outcome=value["outcome"],
        data=value["data"],
        checkpointed=checkpointed,
        parent=value["parent"],
        payloads=[
            CommitOut(name=commit["name"], digest=commit["digest"], klass=commit["class"])
            for commit in value["commit"]
        ],
        trace_id=value["trace_id"],
    )


def _verified(
    record_id: str,
    found: repository.StoredLeaf,
    newest: repository.StoredCheckpoint,
    path: tuple[bytes, ...],
    key: VerifierKey,
) -> VerifiedProof:
    """Check everything that was read; the database is not trusted here."""
    try:
        checkpoint = open_checkpoint(newest.note, key)
        record = parse(found.body)
        leaf.check(record)
    except BadInput as error:
        raise ProofFailed(f"record {record_id}: {error}", hint=_NEXT) from None
    if record["id"] != record_id or checkpoint.size != newest.size:
        raise ProofFailed(f"record {record_id}: the index points elsewhere", hint=_NEXT)
    digest = leaf_hash(found.body)
    if not verify_inclusion(found.seq, checkpoint.size, digest, path, checkpoint.root):
        raise ProofFailed(
            f"record {record_id} is not in the checkpoint of size {checkpoint.size}", hint=_NEXT
        )
    return VerifiedProof(record_id, found.seq, checkpoint, path, found.body, record, newest.note)


_NEXT = "run `tillwatch audit verify` before anything else"
