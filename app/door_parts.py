"""What the door does besides answering: keeps tokens fresh and trims the journal."""

from __future__ import annotations

from access.jobs import parts as access_parts
from app.core import Core
from app.retention import Consumed, trim_point
from collector.changes import tracker
from kernel.journal import JournalReader, JournalWriter, Stream
from kernel.parts import Part
from slo.ledger.snapshot import safe_position
from triage import intake
from triage.slack import inbox

# Often: what is trimmed late fills the quota, and a full quota refuses.
_TRIM_EVERY_S = 10.0


def door_parts(core: Core, journal: JournalWriter) -> list[Part]:
    """The door's loops."""
    reader = JournalReader(core.kernel.journal_path)

    def trim() -> bool:
        return journal.trim(trim_point(reader, journal_consumers(core))).result() > 0

    return [*access_parts(core.access), Part("journal.trim", trim, idle_wait_s=_TRIM_EVERY_S)]


def journal_consumers(core: Core) -> list[Consumed]:
    """Everybody who reads the journal, and how far."""
    counted = safe_position(core.kernel.ledger_path, Stream.SHOP)
    found = [
        Consumed([Stream.RAW, Stream.SHOP], core.telemetry.cursor()),
        Consumed([Stream.RAW], core.changes.position(tracker.JOURNAL)),
        Consumed([Stream.SHOP], counted),
        Consumed([Stream.ALERT], intake.read_position(core.database)),
    ]
    if core.slack is not None:
        found.append(Consumed([Stream.SLACK], inbox.read_position(core.database)))
    return found


def derived_part(core: Core, derived: JournalWriter) -> Part:
    """Trims the derived stream; runs in the engine, which is its writer."""
    reader = JournalReader(core.kernel.derived_path)

    def trim() -> bool:
        counted = safe_position(core.kernel.ledger_path, Stream.DERIVED)
        consumers = [
            Consumed([Stream.DERIVED], counted),
            Consumed([Stream.DERIVED], core.telemetry.progress("derived")),
            Consumed([Stream.RAW], core.changes.position(tracker.OBSERVED)),
        ]
        return derived.trim(trim_point(reader, consumers)).result() > 0

    return Part("derived.trim", trim, idle_wait_s=_TRIM_EVERY_S)
