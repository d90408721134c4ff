"""Backup and restore of an installation's files.

Each SQLite file is copied by SQLite's online backup, so that a running service can be backed up;
every copy is consistent in itself. The files are taken consumers first, journal last: a consumer's
cursor can then only lag behind the journal it is restored with, and what it lacks is read again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kernel import strict_json
from kernel.clock import Clock, rfc3339
from kernel.errors import BadInput, Conflict, NotFound
from kernel.sqlite import copy_file
from slo.ledger.snapshot import snapshot_path

# Readers of the journal before the journal itself.
DATABASES = ("ledger.db", "control.db", "derived.db", "journal.db")
_MANIFEST = "backup.json"
_NOT_KEPT = frozenset({"serve.lock", "engine.json", "engine.json.new", "admin.token.new"})


def backup(data_dir: Path, target: Path, clock: Clock) -> dict[str, Any]:
    """Copy everything but telemetry into the new folder `target`; returns the manifest."""
    if not (data_dir / "control.db").exists() and not (data_dir / "journal.db").exists():
        raise NotFound(f"{data_dir} holds no stores", hint="name the folder with --data-dir")
    if target.exists() and any(target.iterdir()):
        raise Conflict(f"{target} is not empty", hint="name a new folder")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    names = [name for name in DATABASES if (data_dir / name).exists()]
    for name in names:
        copy_file(data_dir / name, target / name)
    others = _other_files(data_dir)
    for name in others:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(data_dir / name, target / name)
    manifest: dict[str, Any] = {
        "made_at": rfc3339(clock.now_us()),
        "files": {name: _digest(target / name) for name in [*names, *others]},
    }
    (target / _MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest


def restore(source: Path, data_dir: Path, *, overwrite: bool) -> list[str]:
    """Put a backup into the data folder; the service must be stopped. Returns the files' names.

    Everything is checked before the first file is touched.
    """
    names = _checked(source)
    taken = sorted(name for name in names if (data_dir / name).exists())
    if taken and not overwrite:
        raise Conflict(
            f"{data_dir} already holds {', '.join(taken)}",
            hint="repeat with --yes to overwrite, or name an empty --data-dir",
        )
    data_dir.mkdir(parents=True, exist_ok=True)
    for name in names:
        for suffix in ("-wal", "-shm"):
            (data_dir / f"{name}{suffix}").unlink(missing_ok=True)
        (data_dir / name).parent.mkdir(parents=True, exist_ok=True)
        new = data_dir / f"{name}.restored"
        shutil.copy2(source / name, new)
        new.replace(data_dir / name)
    # A copy of the ledger that was here is ahead of the journal that came back.
    snapshot_path(data_dir / "ledger.db").unlink(missing_ok=True)
    _forget_telemetry_cursors(data_dir)
    return names


def _forget_telemetry_cursors(data_dir: Path) -> None:
    """Telemetry is in no backup: what is left of it is ahead of the journal that came back.

    Its cursors say where the search for shop events begins. Raw records that the backup's derived
    stream does not know yet must be searched again; rows that are there already change nothing.
    """
    for name in ("meta.db", "changes.db"):
        for suffix in ("", "-wal", "-shm"):
            (data_dir / "telemetry" / f"{name}{suffix}").unlink(missing_ok=True)


def _other_files(data_dir: Path) -> list[str]:
    """Small files beside the databases: keys, checkpoints, the first token. Never telemetry.

    What bears a database's name and more is a working file of it (a rebuild, a copy, a broken
    one): large, and gone before it is read.
    """
    return sorted(
        str(path.relative_to(data_dir))
        for path in data_dir.rglob("*")
        if path.is_file()
        and path.relative_to(data_dir).parts[0] != "telemetry"
        and path.name not in _NOT_KEPT
        and not path.name.endswith((".db", ".db-wal", ".db-shm"))
        and not path.name.startswith(tuple(f"{name}." for name in DATABASES))
    )


def _checked(source: Path) -> list[str]:
    try:
        manifest = strict_json.loads((source / _MANIFEST).read_bytes())
    except OSError:
        raise NotFound(
            f"{source} is no backup: {_MANIFEST} is missing",
            hint="name a folder that a backup made",
        ) from None
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or not all(map(_is_inside, files)):
        raise BadInput(f"{_MANIFEST} does not list files of a backup", path="$.files")
    wrong = _damaged(source, list(files), files)
    if wrong:
        raise BadInput(f"damaged in the backup: {', '.join(wrong)}", hint="use another backup")
    return list(files)


def _damaged(source: Path, names: Sequence[str], digests: dict[str, str]) -> list[str]:
    return [
        name
        for name in names
        if not (source / name).is_file() or _digest(source / name) != digests[name]
    ]


def _is_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
