"""An installation of the log in a folder, and an attacker with a SQL prompt."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import audit.models  # noqa: F401 - the tables have to be known
from audit.entries import Actor, Entry, Payload
from audit.keys import verifier_key
from audit.log import AuditLog
from audit.note import VerifierKey
from audit.sequencer import AuditSequencer
from audit.settings import AuditSettings
from audit.verify import Report, verify
from kernel.clock import FrozenClock
from kernel.database import Database


class Installation:
    """Stores, clock and log of one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "control.db"
        self.settings = AuditSettings(data_dir=folder)
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{self.path}")
        self.database.create_all()
        self.log = AuditLog(self.database, self.clock, self.settings)
        self.sequencer = self.another_sequencer()

    @property
    def vkey(self) -> VerifierKey:
        return verifier_key(self.settings)

    def another_sequencer(self) -> AuditSequencer:
        return AuditSequencer(self.database, self.log, self.clock)

    def verify(self) -> Report:
        return verify(self.path, self.vkey, self.settings.checkpoint_path)

    def record(self, entry: Entry) -> str:
        with self.database.unit_of_work() as session:
            return self.log.record(session, entry)

    def record_many(self, count: int, *, payload_every: int = 3) -> list[str]:
        ids = []
        with self.database.unit_of_work() as session:
            for number in range(count):
                self.clock.advance_s(0.001)
                payloads = (
                    {"text": Payload(b"text %d" % number)} if number % payload_every == 0 else {}
                )
                entry = Entry(
                    "incident.changed", Actor("service", "triage"), "incident", f"INC-{number}",
                    incident=f"INC-{number % 4}", data={"number": number}, payloads=payloads,
                )  # fmt: skip
                ids.append(self.log.record(session, entry))
        return ids

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as db:
            found = db.execute(sql, values).fetchall()
        db.close()
        return found

    def attack(self, sql: str, *values: Any) -> None:
        """What an administrator of the database can do."""
        with sqlite3.connect(self.path) as db:
            db.execute(sql, values)
        db.close()
