"""A copy of the ledger, at least one a day: what is older than the journal is in no other place.

The journal is never trimmed beyond the copy, so that a lost ledger is the copy plus what came
since. The copy is made beside the ledger and takes its name last.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from kernel.clock import DAY_US, HOUR_US, SECOND_US, Clock
from kernel.errors import Unavailable
from kernel.journal import Stream
from kernel.parts import Job
from kernel.sqlite import copy_file
from slo.ledger.reader import LedgerReader
from slo.ledger.schema import SNAPSHOT_SUFFIX, VERSION, version_of

EVERY_S: Final = 600.0
OLD_US: Final = DAY_US
# With little room left in the journal the copy is made sooner: trimming waits for it.
SOON_US: Final = HOUR_US
FULL_SHARE: Final = 0.5


def snapshot_path(ledger_path: Path) -> Path:
    """Where the copy of a ledger lies."""
    return ledger_path.with_name(ledger_path.name + SNAPSHOT_SUFFIX)


def take(ledger_path: Path) -> None:
    """Copy the ledger as it stands now; its writer goes on meanwhile."""
    target = snapshot_path(ledger_path)
    new = target.with_name(target.name + ".new")
    new.unlink(missing_ok=True)
    try:
        copy_file(ledger_path, new)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(target)
    except BaseException:
        # On a full disk half a copy would take the room that everything else needs.
        new.unlink(missing_ok=True)
        raise


def copy_age_s(ledger_path: Path, now_us: int) -> float | None:
    """Age of the copy that trimming goes by, in seconds; None where there is none."""
    path = snapshot_path(ledger_path)
    if version_of(path) != VERSION:
        return None
    return max(0.0, now_us / SECOND_US - path.stat().st_mtime)


def safe_position(ledger_path: Path, stream: Stream) -> int:
    """Up to where the stream may be trimmed: both the ledger and its copy have counted it."""
    positions = []
    for path in (ledger_path, snapshot_path(ledger_path)):
        reader = LedgerReader(path)
        try:
            positions.append(reader.position(stream))
        finally:
            reader.close()
    return min(positions)


class Snapshots:
    """Makes the copy when it is due."""

    def __init__(
        self, ledger_path: Path, journal_path: Path, quota_bytes: int, clock: Clock
    ) -> None:
        self._ledger = ledger_path
        self._journal = journal_path
        self._quota_bytes = quota_bytes
        self._clock = clock

    def run(self) -> bool:
        """One look; True where a copy was made.

        Raises Unavailable where one is due and there is no room for it: trimming of the journal
        waits for it, so that the journal would fill up in silence.
        """
        if version_of(self._ledger) != VERSION or not self._is_due():
            return False
        free_bytes = shutil.disk_usage(self._ledger.parent).free
        wanted_bytes = 2 * self._ledger.stat().st_size
        if free_bytes < wanted_bytes:
            # A full disk would cost more than an old copy.
            raise Unavailable(
                f"no room for the copy of the ledger ({free_bytes >> 20} MiB are free, "
                f"{wanted_bytes >> 20} MiB are wanted): the journal is not trimmed meanwhile",
                hint="free some disk space",
            )
        take(self._ledger)
        return True

    def _is_due(self) -> bool:
        path = snapshot_path(self._ledger)
        if version_of(path) != VERSION:
            return True
        age_us = self._clock.now_us() - int(path.stat().st_mtime * 1_000_000)
        if age_us >= OLD_US or age_us < 0:
            return True
        full = self._journal.exists() and (
            self._journal.stat().st_size > FULL_SHARE * self._quota_bytes
        )
        return full and age_us >= SOON_US


def snapshot_job(snapshots: Snapshots) -> Job:
    """The job `slo.ledger.snapshot`."""

    def run() -> None:
        snapshots.run()

    return Job("slo.ledger.snapshot", run, EVERY_S)
