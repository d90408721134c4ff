"""The verifier: reads all audit tables, trusts none, and re-derives every column from the leaves.

What it takes on trust is the public key alone; the checkpoint file outside of the database shows
whether the end of the log was cut off together with its signatures.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from audit import leaf
from audit.canonical import parse
from audit.keys import read_note
from audit.leaf import commit_digest, payload_id, time_of
from audit.merkle import EMPTY_ROOT, Frontier, leaf_hash
from audit.note import Checkpoint, VerifierKey, is_sole_form, open_checkpoint
from audit.report import Problem, Problems, Report
from audit.stored import Stored, reading
from audit.story import Story
from kernel.clock import rfc3339
from kernel.database import Database
from kernel.errors import TillwatchError


def verify(source: Database | Path, key: VerifierKey, checkpoint_file: Path | None) -> Report:
    """Check a whole log. `source`: the database or the path of an SQLite file.

    `checkpoint_file`: the newest checkpoint kept outside of the database; None verifies without.
    """
    # Read before the snapshot: the file is written after the leaves, so it can never be ahead.
    note = None if checkpoint_file is None else read_note(checkpoint_file)
    try:
        with reading(source) as stored:
            verifier = _Verifier(stored, key)
            return verifier.run(note, wanted=checkpoint_file is not None)
    except (sqlite3.DatabaseError, DBAPIError, UnicodeDecodeError) as error:
        problem = Problem(0, 1, f"the database cannot be read: {str(error).splitlines()[0]}")
        return Report("unreadable", problems=[problem], problem_count=1)


class _Verifier:
    """One run. Methods go through one table each."""

    def __init__(self, stored: Stored, key: VerifierKey) -> None:
        self._rows = stored.rows
        self._faults = stored.faults
        self._key = key
        self._problems = Problems()
        self._story_problems = Problems()
        self._story = Story()
        self._edge = Frontier()
        self._whole = True
        self._roots: dict[int, tuple[bytes, int | None, int]] = {}
        self._good: Checkpoint | None = None
        self._good_at_us = 0
        self._payloads: dict[Any, bytes | None] = {}
        self._missing: list[tuple[int, str]] = []
        self._erased: set[str] = set()
        self._nodes: dict[int, Iterator[tuple[Any, ...]]] = {}
        self._node_count = 0

    def run(self, note: bytes | None, *, wanted: bool) -> Report:
        """All checks in the order in which they can explain each other."""
        self._read_checkpoints()
        anchored = self._read_anchor(note)
        self._read_payloads()
        size = self._read_leaves()
        pending = self._read_outbox(size)
        self._check_head(size)
        self._check_ends(size)
        erased = self._check_missing()
        return self._report(size, pending, erased, unanchored=wanted and not anchored)

    # --- checkpoints -------------------------------------------------------------------------

    def _read_checkpoints(self) -> None:
        """Signature and columns of each stored checkpoint; roots are compared on the way."""
        before = 0
        query = "SELECT size, root, note, at_us FROM audit_checkpoint ORDER BY size"
        for size, root, note, at_us in self._rows(query):
            try:
                head = open_checkpoint(_bytes(note), self._key)
            except TillwatchError as error:
                self._problems.add(before, size, f"checkpoint {size}: {error}")
                before = max(before, size)
                continue
            if not (is_sole_form(note, self._key) and head.size == size and head.root == root):
                self._problems.add(before, size, f"checkpoint {size} is not what was signed")
            else:
                self._roots[size] = (root, at_us, before)
            before = max(before, size)

    def _read_anchor(self, note: bytes | None) -> bool:
        """The checkpoint from outside of the database; True where it can be relied on."""
        if note is None:
            return False
        sizes = sorted(self._roots)
        before = sizes[-2] if len(sizes) > 1 else 0
        try:
            head = open_checkpoint(note, self._key)
        except TillwatchError as error:
            self._problems.add(before, before + 1, f"the checkpoint file: {error}")
            return False
        stored = self._roots.get(head.size)
        if stored is not None and stored[0] != head.root:
            self._problems.add(stored[2], head.size, "two signed checkpoints of one size: a fork")
        if stored is None:
            below = max((size for size in sizes if size < head.size), default=0)
            self._roots[head.size] = (head.root, None, below)
        return True

    # --- leaves ------------------------------------------------------------------------------

    def _read_leaves(self) -> int:
        """Everything that follows from the leaves; returns how many there are."""
        index = iter(
            self._rows("SELECT seq, id, type, incident, actor, at_us FROM audit_index ORDER BY seq")
        )
        indexed = next(index, None)
        size = 0
        for seq, body, digest in self._rows("SELECT seq, bytes, hash FROM audit_leaf ORDER BY seq"):
            if seq < 0:
                self._problems.add(0, 1, f"a record is numbered {seq}")
                continue
            if size < seq:
                self._problems.add(size, size + 1, f"record {size} is missing")
                self._whole = False
                size = seq
            while indexed is not None and indexed[0] < seq:
                self._problems.add(indexed[0], indexed[0] + 1, "an index row without its record")
                indexed = next(index, None)
            mine = None
            if indexed is not None and indexed[0] == seq:
                mine, indexed = indexed, next(index, None)
            self._check_leaf(seq, body, digest, mine)
            size = seq + 1
        if indexed is not None:
            self._problems.add(size, size + 1, f"record {indexed[0]} is in the index, but missing")
        return size

    def _check_leaf(
        self, seq: int, body: Any, digest: Any, indexed: tuple[Any, ...] | None
    ) -> None:
        if not isinstance(body, bytes):
            self._problems.add(seq, seq + 1, f"record {seq} holds no bytes")
            self._whole = False
            return
        true_digest = leaf_hash(body)
        if true_digest != digest:
            self._problems.add(seq, seq + 1, f"record {seq} does not have its hash")
        value = self._parsed(seq, body)
        at_us = None
        if value is not None:
            at_us = time_of(value)
            expected = _index_row(seq, value, at_us)
            if indexed != expected:
                self._problems.add(seq, seq + 1, f"record {seq} is not what its index row says")
            self._check_payloads(seq, value)
            wrong = self._story.tell(value)
            if wrong is not None:
                self._story_problems.add(seq, seq + 1, f"record {seq}: {wrong}")
        if self._whole:
            self._grow(seq, true_digest, at_us)

    def _parsed(self, index: int, body: bytes) -> dict[str, Any] | None:
        try:
            value: dict[str, Any] = parse(body)
            leaf.check(value)
        except TillwatchError as error:
            self._problems.add(index, index + 1, f"record {index}: {error}")
            return None
        if value["log"] != self._key.name:
            self._problems.add(index, index + 1, f"record {index} is of another log")
        if value["type"] == "audit.erasure":
            self._erased.add(payload_id(value["data"]["record"], value["data"]["name"]))
        return value

    def _grow(self, seq: int, digest: bytes, at_us: int | None) -> None:
        """Add to the tree, compare the nodes that this completes and the root, where signed."""
        for level, position, value in self._edge.append(digest):
            if level not in self._nodes:
                self._nodes[level] = iter(self._stored_nodes(level))
            stored = next(self._nodes[level], None)
            self._node_count += 1
            if stored != (position, value):
                start = position << level
                self._problems.add(start, start + (1 << level), f"node {level}/{position} is wrong")
        signed = self._roots.get(seq + 1)
        if signed is None:
            return
        root, signed_at_us, before = signed
        if self._edge.root() != root:
            self._problems.add(before, seq + 1, f"not the records signed at size {seq + 1}")
        elif signed_at_us is not None and signed_at_us != at_us:
            self._problems.add(before, seq + 1, f"checkpoint {seq + 1} has another time")
        else:
            self._good = Checkpoint(self._key.name, seq + 1, root)
            self._good_at_us = at_us or 0

    def _stored_nodes(self, level: int) -> Iterator[tuple[Any, ...]]:
        return self._rows(
            f"SELECT position, hash FROM audit_node WHERE level = {level} ORDER BY position"
        )

    # --- payloads ----------------------------------------------------------------------------

    def _read_payloads(self) -> None:
        for key, salt, body in self._rows("SELECT id, salt, bytes FROM audit_payload"):
            good = isinstance(salt, bytes) and isinstance(body, bytes)
            self._payloads[key] = commit_digest(salt, body) if good else None

    def _check_payloads(self, index: int, value: dict[str, Any]) -> None:
        for commit in value["commit"]:
            key = payload_id(value["id"], commit["name"])
            if key not in self._payloads:
                self._missing.append((index, key))
                continue
            digest = self._payloads.pop(key)
            if digest is None or digest.hex() != commit["digest"]:
                what = f"payload {commit['name']} of record {index} is not what was recorded"
                self._problems.add(index, index + 1, what)

    def _check_missing(self) -> int:
        """Payloads may be gone where a record says that they were erased; how many are."""
        erased = 0
        for index, key in self._missing:
            if key in self._erased:
                erased += 1
            else:
                self._problems.add(index, index + 1, f"payload {key} is gone without an erasure")
        return erased

    # --- the rest ----------------------------------------------------------------------------

    def _read_outbox(self, size: int) -> int:
        """Records that wait: nothing vouches for them yet, but they must be in form."""
        count = 0
        for _, key, body in self._rows("SELECT position, id, bytes FROM audit_outbox ORDER BY 1"):
            index = size + count
            count += 1
            if not isinstance(body, bytes):
                self._problems.add(index, index + 1, "a waiting record holds no bytes")
                continue
            value = self._parsed(index, body)
            if value is None:
                continue
            if value["id"] != key:
                self._problems.add(index, index + 1, "a waiting record has another id")
            self._check_payloads(index, value)
        return count

    def _check_head(self, size: int) -> None:
        heads = list(self._rows("SELECT id, size, root FROM audit_head"))
        if not heads and size == 0:
            return
        if len(heads) != 1 or heads[0][:2] != (1, size):
            known = heads[0][1] if heads else None
            if isinstance(known, int) and known > size:
                self._problems.add(size, size + 1, f"records {size} to {known - 1} are missing")
            else:
                self._problems.add(0, size + 1, f"the head does not stand at {size} records")
        elif self._whole and heads[0][2] != (self._edge.root() if size else EMPTY_ROOT):
            self._problems.add(0, size + 1, "the head's root is not that of the records")

    def _check_ends(self, size: int) -> None:
        """Nothing may reach beyond the leaves, and nothing may be left over."""
        for fault in self._faults:
            self._problems.add(0, size + 1, f"the database file is damaged: {fault}")
        beyond = max(self._roots, default=0)
        if beyond > size:
            what = f"records {size} to {beyond - 1} were signed, but are missing"
            self._problems.add(size, size + 1, what)
        for key in sorted(map(str, self._payloads))[:10]:
            self._problems.add(0, size + 1, f"payload {key} belongs to no record")
        (stored,) = next(iter(self._rows("SELECT count(*) FROM audit_node")))
        if self._whole and stored != self._node_count:
            what = f"{stored} nodes are stored where {self._node_count} belong to the records"
            self._problems.add(0, size + 1, what)

    def _report(self, size: int, pending: int, erased: int, *, unanchored: bool) -> Report:
        covered = self._good.size if self._good else 0
        first_bad, shown = None, self._problems
        if self._problems.count:
            result, first_bad = "tampered", self._problems.first_bad_index()
        elif self._story_problems.count:
            shown = self._story_problems
            result, first_bad = "broken_story", shown.first_bad_index()
        elif size > covered:
            result = "unsigned_tail"
        elif size == 0:
            result = "unsigned_tail" if pending else "empty"
        elif unanchored:
            result = "unanchored"
        else:
            result = "verified_erased" if erased else "verified"
        return Report(
            result=result,
            size=size,
            first_bad_index=first_bad,
            checkpoint=self._checkpoint_json(),
            problems=shown.listed(),
            problem_count=shown.count,
            pending=pending,
            erased=erased,
        )

    def _checkpoint_json(self) -> dict[str, Any] | None:
        if self._good is None:
            return None
        return {
            "origin": self._good.origin,
            "size": self._good.size,
            "root": self._good.root.hex(),
            "at": rfc3339(self._good_at_us),
        }


def _index_row(seq: int, value: dict[str, Any], at_us: int) -> tuple[Any, ...]:
    """The row of `audit_index` that belongs to a leaf."""
    return (seq, value["id"], value["type"], value["incident"], value["actor"]["ref"], at_us)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else b""
