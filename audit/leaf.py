"""What a leaf of the log looks like: built for writing, checked for reading. Pure.

Fields of `v` 1 (all always there): v, log (the origin), id (UUIDv7), ts (RFC 3339, six digits, Z),
mono (microseconds since the process started), boot (the process run), type, outcome,
actor{kind, ref, auth, session}, origin{channel, request_id}, subject{kind, ref}, incident,
parent[ids], trace_id, sw{version}, data, commit[{name, alg, digest, class}].
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from audit.canonical import canonicalise
from audit.entries import Entry
from audit.record_types import check_data
from kernel.clock import rfc3339, to_us
from kernel.errors import BadInput, TooLarge

VERSION: Final = 1
COMMIT_ALG: Final = "sha256-salted-v1"
SALT_BYTES: Final = 32
MAX_PAYLOAD_BYTES: Final = 1024 * 1024
MAX_PAYLOADS: Final = 16
MAX_PARENTS: Final = 32
MAX_REF: Final = 200

_TAG: Final = b"slo/commit/v1"
_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z"
).match
_NAME: Final = re.compile(r"[a-z0-9_]{1,40}\Z").match
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z").match
_TS: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z", re.ASCII).match
_OUTCOMES: Final = frozenset({"ok", "denied", "error"})
_ACTORS: Final = frozenset({"human", "model", "service", "system"})
_CLASSES: Final = frozenset({"public", "internal", "personal", "secret"})
_FIELDS: Final = frozenset(
    {
        "v", "log", "id", "ts", "mono", "boot", "type", "outcome", "actor", "origin", "subject",
        "incident", "parent", "trace_id", "sw", "data", "commit",
    }
)  # fmt: skip
_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "actor": frozenset({"kind", "ref", "auth", "session"}),
    "origin": frozenset({"channel", "request_id"}),
    "subject": frozenset({"kind", "ref"}),
    "sw": frozenset({"version"}),
}
_COMMIT_FIELDS: Final = frozenset({"name", "alg", "digest", "class"})


@dataclass(frozen=True)
class Stamp:
    """What the writer adds to an entry. `mono_us`: microseconds since `boot` started."""

    log: str
    id: str
    at_us: int
    mono_us: int
    boot: str
    version: str


@dataclass(frozen=True)
class SaltedPayload:
    """One row of `audit_payload`: `id` = `<record id>:<name>`."""

    id: str
    salt: bytes
    data: bytes


def commit_digest(salt: bytes, payload: bytes) -> bytes:
    """SHA-256("slo/commit/v1" || length as 8 bytes, big-endian || salt || payload)."""
    return hashlib.sha256(_TAG + len(payload).to_bytes(8, "big") + salt + payload).digest()


def payload_id(record_id: str, name: str) -> str:
    """Key of a record's payload."""
    return f"{record_id}:{name}"


def build(entry: Entry, stamp: Stamp) -> tuple[bytes, list[SaltedPayload]]:
    """Canonical leaf bytes and the payload rows. Raises BadInput or TooLarge."""
    payloads, commits = _commit(entry, stamp.id)
    leaf = {
        "v": VERSION,
        "log": stamp.log,
        "id": stamp.id,
        "ts": rfc3339(stamp.at_us),
        "mono": stamp.mono_us,
        "boot": stamp.boot,
        "type": entry.type,
        "outcome": entry.outcome,
        "actor": asdict(entry.actor),
        "origin": {"channel": entry.channel, "request_id": entry.request_id},
        "subject": {"kind": entry.subject_kind, "ref": entry.subject_ref},
        "incident": entry.incident,
        "parent": list(entry.parent),
        "trace_id": entry.trace_id,
        "sw": {"version": stamp.version},
        "data": _plain(entry.data),
        "commit": commits,
    }
    check(leaf)
    return canonicalise(leaf), payloads


def check(leaf: Any) -> None:
    """Raises BadInput where a parsed leaf is not what `build` makes."""
    if not isinstance(leaf, dict) or leaf.keys() != _FIELDS:
        raise BadInput("a record without exactly the fields of a record")
    if leaf["v"] is True or leaf["v"] != VERSION:
        raise BadInput(f"a record of an unknown version: {leaf['v']!r:.40}", path="$.v")
    for name, fields in _PARTS.items():
        part = leaf[name]
        if not isinstance(part, dict) or part.keys() != fields:
            raise BadInput(f"{name} has other fields than {', '.join(sorted(fields))}")
        for key, value in part.items():
            _check_text(value, name, key)
    for name in ("log", "boot", "type", "incident", "trace_id"):
        _check_text(leaf[name], name)
    if type(leaf["mono"]) is not int or leaf["mono"] < 0:
        raise BadInput("mono is no count of microseconds", path="$.mono")
    _check_choice(leaf["outcome"], _OUTCOMES, "$.outcome")
    _check_choice(leaf["actor"]["kind"], _ACTORS, "$.actor.kind")
    if not _is(_ID, leaf["id"]):
        raise BadInput("the id is no UUIDv7", path="$.id")
    _check_time(leaf["ts"])
    _check_parents(leaf["parent"])
    _check_commits(leaf["commit"])
    if not isinstance(leaf["data"], dict):
        raise BadInput("data is no object", path="$.data")
    check_data(leaf["type"], leaf["data"])


def time_of(leaf: Mapping[str, Any]) -> int:
    """The record's claimed wall time in UTC microseconds."""
    return to_us(dt.datetime.fromisoformat(leaf["ts"]))


def _commit(entry: Entry, record_id: str) -> tuple[list[SaltedPayload], list[dict[str, str]]]:
    payloads, commits = [], []
    for name, payload in sorted(entry.payloads.items()):
        if len(payload.data) > MAX_PAYLOAD_BYTES:
            raise TooLarge(f"the payload {name} is larger than {MAX_PAYLOAD_BYTES} bytes")
        salt = secrets.token_bytes(SALT_BYTES)
        payloads.append(SaltedPayload(payload_id(record_id, name), salt, payload.data))
        digest = commit_digest(salt, payload.data).hex()
        commits.append({"name": name, "alg": COMMIT_ALG, "digest": digest, "class": payload.klass})
    return payloads, commits


def _plain(value: Any) -> Any:
    """Mappings as dicts, tuples as lists, enumeration members as their values."""
    if isinstance(value, Mapping):
        return {key: _plain(child) for key, child in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(child) for child in value]
    if isinstance(value, str):
        return str.__str__(value)
    return value


def _check_text(value: Any, *path: str) -> None:
    if not isinstance(value, str) or len(value) > MAX_REF:
        raise BadInput(f"not a text of at most {MAX_REF} characters", path=".".join(("$", *path)))


def _check_choice(value: Any, choices: frozenset[str], path: str) -> None:
    if not isinstance(value, str) or value not in choices:
        raise BadInput(f"none of {', '.join(sorted(choices))}", path=path)


def _check_time(value: Any) -> None:
    try:
        # The pattern fixes the one spelling, the parser knows the calendar.
        good = _is(_TS, value) and dt.datetime.fromisoformat(value) is not None
    except ValueError:
        good = False
    if not good:
        raise BadInput("the time is not RFC 3339 with six digits and Z", path="$.ts")


def _check_parents(value: Any) -> None:
    if not isinstance(value, list) or len(value) > MAX_PARENTS:
        raise BadInput(f"parent is no list of at most {MAX_PARENTS} ids", path="$.parent")
    if not all(_is(_ID, parent) for parent in value):
        raise BadInput("a parent that is no record id", path="$.parent")


def _check_commits(value: Any) -> None:
    if not isinstance(value, list) or len(value) > MAX_PAYLOADS:
        raise BadInput(f"commit is no list of at most {MAX_PAYLOADS} entries", path="$.commit")
    names = []
    for commit in value:
        if not isinstance(commit, dict) or commit.keys() != _COMMIT_FIELDS:
            raise BadInput("a commitment with other fields", path="$.commit")
        if not _is(_NAME, commit["name"]) or not _is(_DIGEST, commit["digest"]):
            raise BadInput("a commitment without name or digest", path="$.commit")
        if commit["alg"] != COMMIT_ALG:
            raise BadInput("a commitment of an unknown kind", path="$.commit")
        _check_choice(commit["class"], _CLASSES, "$.commit.class")
        names.append(commit["name"])
    if names != sorted(set(names)):
        raise BadInput("commitments not in order of their names", path="$.commit")


def _is(pattern: Any, value: Any) -> bool:
    return isinstance(value, str) and pattern(value) is not None
