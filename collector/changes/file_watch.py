"""Looks at the flag files of `TILLWATCH_FLAGD_FILES`; what differs goes to the engine's journal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from collector.acknowledge import durable_now
from collector.changes.flagd_intake import FlagdIntake
from collector.changes.memory import ChangeMemory, Watched
from kernel.clock import Clock, rfc3339
from kernel.errors import BadInput
from kernel.journal import JournalWriter
from kernel.observability import get_logger

SETTING: Final = "TILLWATCH_FLAGD_FILES"
MAX_FILE_BYTES: Final = 1024**2
_log = get_logger(__name__)


class FlagFileWatch:
    """Service -> path. A file that cannot be read or is malformed changes nothing, and says so."""

    def __init__(
        self,
        files: Mapping[str, Path],
        intake: FlagdIntake,
        writer: JournalWriter,
        memory: ChangeMemory,
        clock: Clock,
    ) -> None:
        self._files = files
        self._intake = intake
        self._writer = writer
        self._memory = memory
        self._clock = clock
        self._digests: dict[str, str] = {}
        self._problems: dict[str, str] = {}
        self._looked_us = 0

    def look(self) -> None:
        """Read each file once, bounded."""
        now_us = self._clock.now_us()
        for service, path in self._files.items():
            try:
                count = self._read(service, path, now_us)
                self._note(service, Watched(name_of(service), str(path), now_us, now_us, count))
            except OSError as error:
                problem = f"cannot be read: {error.strerror or type(error).__name__}"
                self._note(service, Watched(name_of(service), str(path), now_us, problem=problem))
            except BadInput as fault:
                problem = f"malformed, the flags known before stay: {fault.path}: {fault.message}"
                self._note(service, Watched(name_of(service), str(path), now_us, problem=problem))
        self._looked_us = now_us

    def _read(self, service: str, path: Path, now_us: int) -> str:
        """Raises OSError and BadInput. Writes only what differs from the last look."""
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
            changed_us = int(path.stat().st_mtime * 1_000_000)
        if len(body) > MAX_FILE_BYTES:
            raise BadInput(f"larger than {MAX_FILE_BYTES} bytes")
        digest = hashlib.sha256(body).hexdigest()
        item = self._intake.item(body, {"service": service, "environment": "", "set": ""})
        if self._digests.get(service) != digest:
            # A file that was moved into place keeps an old time: then the look is the better one.
            known = self._looked_us <= changed_us <= now_us
            at = rfc3339(changed_us if known and self._looked_us else now_us)
            append = self._intake.append([item], name_of(service), [], at)
            durable_now(self._writer.append(append))
            self._digests[service] = digest
        return "read"

    def _note(self, service: str, one: Watched) -> None:
        self._memory.note(one)
        if one.problem and self._problems.get(service) != one.problem:
            _log.warning("changes.flag_file_unusable", service=service, problem=one.problem)
        self._problems[service] = one.problem


def name_of(service: str) -> str:
    """How it is called where people see it."""
    return f"flagd/{service}"
