"""Export as a C2SP tlog-tiles folder, readable by tools that we did not write.

checkpoint                        the newest signed checkpoint
tile/<L>/<N>[.p/<W>]              256 hashes a tile; level 0 are leaf hashes
tile/entries/<N>[.p/<W>]          the records, each after its length in 2 bytes
payloads/<record id>/<name>       payload bytes, beside them `<name>.salt`
audit.vkey                        the public key (take yours from elsewhere)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from audit import leaf, repository
from audit.canonical import parse
from audit.leaf import payload_id
from audit.log import ProofFailed
from audit.merkle import leaf_hash, root_of
from audit.note import Checkpoint, VerifierKey, open_checkpoint
from kernel.database import Database
from kernel.errors import BadInput, Conflict, NotFound

TILE = 256


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    size: int
    root: str
    payloads: int


def export(
    database: Database, key: VerifierKey, folder: Path, *, payloads: bool = True
) -> Exported:
    """Write all records that the newest checkpoint covers into an empty or new `folder`.

    Raises NotFound where nothing was signed yet, Conflict where the folder holds something,
    ProofFailed where the records are not those that were signed.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty", hint="name a new folder")
    with database.reading() as session:
        newest = repository.newest_checkpoint(session)
        if newest is None:
            raise NotFound(
                "there is no signed checkpoint yet", hint="start the service: it signs at its start"
            )
        try:
            head = open_checkpoint(newest.note, key)
        except BadInput as error:
            raise ProofFailed(f"the newest checkpoint: {error}", hint=_NEXT) from None
        count = _write_records(session, head, folder, payloads=payloads)
    _write(folder / "checkpoint", newest.note)
    _write(folder / "audit.vkey", f"{key}\n".encode())
    return Exported(folder, head.size, head.root.hex(), count)


def tile_path(number: int, width: int = TILE) -> str:
    """`<N>[.p/<W>]`: 1234067 becomes `x001/x234/067`; partial tiles say their width."""
    groups = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        groups.insert(0, f"x{number % 1000:03d}")
    path = "/".join(groups)
    return path if width == TILE else f"{path}.p/{width}"


class _Tiles:
    """Writes tiles as they fill; a full tile's root is one hash of the level above."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._levels: list[list[bytes]] = []
        self._done: list[int] = []

    def add(self, value: bytes, level: int = 0) -> None:
        if level == len(self._levels):
            self._levels.append([])
            self._done.append(0)
        hashes = self._levels[level]
        hashes.append(value)
        if len(hashes) == TILE:
            self._write(level)
            self._levels[level] = []
            self._done[level] += 1
            self.add(root_of(hashes), level + 1)

    def finish(self) -> None:
        """Write the partial tiles at the right edge."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                self._write(level)

    def _write(self, level: int) -> None:
        hashes = self._levels[level]
        place = tile_path(self._done[level], len(hashes))
        _write(self._folder / "tile" / str(level) / place, b"".join(hashes))


def _write_records(session: Session, head: Checkpoint, folder: Path, *, payloads: bool) -> int:
    tiles = _Tiles(folder)
    bundle: list[bytes] = []
    hashes: list[bytes] = []
    count = 0
    for seq, body in repository.leaves_from_start(session, head.size):
        if seq != len(hashes):
            break
        hashes.append(leaf_hash(body))
        tiles.add(hashes[-1])
        bundle.append(len(body).to_bytes(2, "big") + body)
        if len(bundle) == TILE:
            _write_bundle(folder, seq // TILE, bundle)
            bundle = []
        if payloads:
            count += _write_payloads(session, seq, body, folder)
    if bundle:
        _write_bundle(folder, len(hashes) // TILE, bundle)
    tiles.finish()
    if len(hashes) != head.size or root_of(hashes) != head.root:
        raise ProofFailed(
            f"the records are not those that were signed at size {head.size}: "
            f"{folder} is incomplete, do not use it",
            hint=_NEXT,
        )
    return count


def _write_bundle(folder: Path, number: int, entries: list[bytes]) -> None:
    _write(folder / "tile" / "entries" / tile_path(number, len(entries)), b"".join(entries))


def _write_payloads(session: Session, seq: int, body: bytes, folder: Path) -> int:
    """Payloads under names from the checked record: no name from a table becomes a path."""
    try:
        record = parse(body)
        leaf.check(record)
    except BadInput as error:
        raise ProofFailed(f"record {seq}: {error}", hint=_NEXT) from None
    count = 0
    for commit in record["commit"]:
        found = repository.payload(session, payload_id(record["id"], commit["name"]))
        if found is not None:
            place = folder / "payloads" / record["id"] / commit["name"]
            _write(place.with_name(f"{place.name}.salt"), found[0])
            _write(place, found[1])
            count += 1
    return count


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


_NEXT = "run `tillwatch audit verify`"
