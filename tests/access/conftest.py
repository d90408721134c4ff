"""Access on real stores in a temporary folder, with a clock that stands still."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

import access.models
from access.service import AccessService
from access.settings import AccessSettings
from audit.log import AuditLog
from audit.models import AuditOutboxRow
from audit.settings import AuditSettings
from kernel import strict_json
from kernel.clock import FrozenClock
from kernel.database import Database

assert access.models


@dataclass
class World:
    """The service and what stands around it."""

    access: AccessService
    database: Database
    clock: FrozenClock
    data_dir: Path

    def recorded(self) -> list[dict[str, Any]]:
        """All audit records, oldest first."""
        with self.database.reading() as session:
            rows = session.exec(select(AuditOutboxRow).order_by(col(AuditOutboxRow.position))).all()
            return [strict_json.loads(row.body) for row in rows]

    def types(self) -> list[str]:
        """Types of all audit records, oldest first."""
        return [record["type"] for record in self.recorded()]


@pytest.fixture
def world(tmp_path: Path) -> World:
    clock = FrozenClock()
    database = Database(f"sqlite:///{tmp_path / 'control.db'}")
    database.create_all()
    log = AuditLog(database, clock, AuditSettings(data_dir=tmp_path))
    return World(AccessService(database, log, clock, AccessSettings()), database, clock, tmp_path)
