"""Opens the stores for the commands that read them (actor `local:<user>`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from app.stores import open_control, settings_for
from kernel.clock import SystemClock
from kernel.database import Database


def build_audit_cli() -> typer.Typer:
    """`tillwatch audit ...`."""
    from audit.cli import build_cli

    return build_cli(_control)


def build_slo_cli() -> typer.Typer:
    """`tillwatch slo ...`."""
    from app.core import Core
    from slo.cli import build_cli
    from slo.service import SloService

    @contextmanager
    def opener(data_dir: Path | None) -> Iterator[SloService]:
        core = Core(settings_for(data_dir), _control(data_dir), SystemClock())
        try:
            yield core.slo
        finally:
            core.close()

    return build_cli(opener)


def build_incident_cli() -> typer.Typer:
    """`tillwatch incident ...`."""
    from app.core import Core
    from triage.cli import build_cli
    from triage.service import IncidentService

    @contextmanager
    def opener(data_dir: Path | None) -> Iterator[IncidentService]:
        core = Core(settings_for(data_dir), _control(data_dir), SystemClock())
        try:
            yield core.incidents
        finally:
            core.close()

    return build_cli(opener)


def build_approval_cli() -> typer.Typer:
    """`tillwatch approval ...`."""
    from app.core import Core
    from runbooks.cli import build_cli
    from runbooks.service import ApprovalService

    @contextmanager
    def opener(data_dir: Path | None) -> Iterator[ApprovalService]:
        core = Core(settings_for(data_dir), _control(data_dir), SystemClock())
        try:
            yield core.approvals
        finally:
            core.close()

    return build_cli(opener)


def build_deadletter_cli() -> typer.Typer:
    """`tillwatch deadletter ...`."""
    from collector.cli import build_deadletter_cli as build
    from collector.deadletters import DeadLetterService
    from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

    @contextmanager
    def opener(data_dir: Path | None) -> Iterator[DeadLetterService]:
        settings = settings_for(data_dir)
        store = SqliteTelemetryStore(
            settings.telemetry_dir, SystemClock(), settings.telemetry_retention_d
        )
        try:
            yield DeadLetterService(settings.journal_path, store)
        finally:
            store.close()

    return build(opener)


def _control(data_dir: Path | None) -> Database:
    return open_control(settings_for(data_dir))
