"""Looking for planted texts in everything that the service wrote.

A needle is looked for as it is, through escapes (percent, JSON, backslashes), with the separators
of digit groups taken out, as base64 at each of its three alignments, as hex, and, where it is a
number, in the forms in which files hold integers: protobuf varint, 64 and 48 bits, double. SQLite
files are searched twice: their raw bytes with the log beside them (pages that are free hold old
rows), and value by value (a long value is split over pages); compressed values are unpacked and
protobuf bodies written out as text.

In the raw bytes of a database a check code with its name proves nothing: compressed values leave
out what they repeat, so that the `cvv=` of one text and the digits of the next stand together.
"""

from __future__ import annotations

import base64
import re
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import hyperscan
import zstandard
from google.protobuf.message import DecodeError

from collector.otlp.signals import SIGNALS

_ESCAPE = re.compile(rb"\\+u([0-9A-Fa-f]{4})")
_ROUNDS = 4
_MAX_UNPACKED = 256 * 1024**2
_SEPARATORS = b" -+"
_CHECK_CODE = re.compile(r'(?i)cv[vc]2?"?[=:] ?"?[0-9]{3,4}"?\Z')


class Search:
    """Looks for many needles at once."""

    def __init__(self, needles: Iterable[str]) -> None:
        """Needles shorter than five characters would be found by accident: ValueError."""
        self._needles = sorted(set(needles))
        if any(len(needle) < 5 for needle in self._needles):
            raise ValueError("a needle of fewer than five characters proves nothing")
        forms = [(form, index) for index, one in enumerate(self._needles) for form in _forms(one)]
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[re.sub(rb"[\s\S]", _hex_of, form) for form, _ in forms],
            ids=[index for _, index in forms],
            flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(forms),
        )
        self._scratch = hyperscan.Scratch(self._database)

    def of(self, data: bytes) -> set[str]:
        """The needles that stand in these bytes, in any form."""
        found: set[int] = set()
        for view in _views(data):
            self._database.scan(
                view,
                match_event_handler=lambda index, *_: found.add(index),
                scratch=self._scratch,
            )
        return {self._needles[index] for index in found}

    def below(self, folder: Path) -> dict[str, set[str]]:
        """Where needles were found: file (and table) -> needles."""
        found: dict[str, set[str]] = {}
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            name = path.relative_to(folder).as_posix()
            for place, data in _contents(name, path):
                hits = self.of(data)
                if _holds_packed(place):
                    hits = {one for one in hits if not _CHECK_CODE.search(one)}
                if hits:
                    found.setdefault(place, set()).update(hits)
        return found


def _hex_of(char: re.Match[bytes]) -> bytes:
    return b"\\x%02x" % ord(char[0])


def _forms(needle: str) -> set[bytes]:
    plain = needle.encode()
    found = {plain, plain.hex().encode()}
    if len(plain) >= 8:
        found |= set(_base64_forms(plain))
    if needle.isascii() and needle.isdecimal() and 13 <= len(needle) <= 19:
        found |= set(_number_forms(int(needle)))
    return found


def _base64_forms(plain: bytes) -> Iterator[bytes]:
    """What of the base64 does not depend on the neighbours, by the three places it can begin at."""
    for before in range(3):
        coded = base64.b64encode(bytes(before) + plain)
        first = 0 if before == 0 else before + 1
        inner = coded[first : (len(plain) + before) // 3 * 4]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def _number_forms(number: int) -> Iterator[bytes]:
    yield _varint(number)
    for order in ("big", "little"):
        if number < 1 << 63:
            yield number.to_bytes(8, order)
        if number < 1 << 47:
            yield number.to_bytes(6, order)
    yield struct.pack(">d", number)
    yield struct.pack("<d", number)


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def _views(data: bytes) -> Iterator[bytes]:
    """The bytes, and what they say through escapes and between separators."""
    form = data
    for _ in range(_ROUNDS):
        yield form
        yield form.translate(None, _SEPARATORS)
        unfolded = _unfolded(form)
        if unfolded == form:
            return
        form = unfolded


def _unfolded(data: bytes) -> bytes:
    plain = unquote_to_bytes(data) if b"%" in data else data
    plain = _ESCAPE.sub(_character, plain)
    return plain.replace(b"\\", b"")


def _character(match: re.Match[bytes]) -> bytes:
    return chr(int(match[1], 16)).encode(errors="replace")


def _contents(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    data = path.read_bytes()
    yield name, data
    if data.startswith(b"SQLite format 3\0"):
        yield from _values(name, path)


def _holds_packed(place: str) -> bool:
    """Whether these are the raw bytes of a database, or of the log beside it."""
    return place.endswith((".db", ".db-wal"))


def _values(name: str, path: Path) -> Iterator[tuple[str, bytes]]:
    """All values of all tables, unpacked, one to a line."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
        for table in tables:
            lines = [
                text
                for row in db.execute(f'SELECT * FROM "{table}"')
                for value in row
                for text in _texts(value)
            ]
            yield f"{name}:{table}", b"\n".join(lines)
    finally:
        db.close()


def _texts(value: Any) -> Iterator[bytes]:
    if not isinstance(value, bytes):
        yield str(value).encode(errors="replace")
        return
    plain = _unpacked(value)
    yield plain
    for signal in SIGNALS:
        try:
            yield str(signal.request.FromString(plain)).encode()
        except DecodeError:
            continue


def _unpacked(value: bytes) -> bytes:
    if value.startswith(b"\x28\xb5\x2f\xfd"):
        unpacking = zstandard.ZstdDecompressor().decompressobj()
        return unpacking.decompress(value)
    if value.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(value, _MAX_UNPACKED)
    return value
