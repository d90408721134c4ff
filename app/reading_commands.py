"""Opens the stores for the commands that read them (actor `local:<user>`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

from app.stores import open_control, settings_for
from kernel.clock import SystemClock
from kernel.database import Database

if TYPE_CHECKING:
    from app.core import Core

_Service = TypeVar("_Service")


def build_audit_cli() -> typer.Typer:
    """`tillwatch audit ...`."""
    from audit.cli import build_cli

    return build_cli(_control)


def build_slo_cli() -> typer.Typer:
    """`tillwatch slo ...`."""
    from slo.cli import build_cli
    from slo.corrections.cli import build_correction_cli
    from slo.policy.cli import build_gate_cli, build_policy_cli
    from slo.replay.service import BacktestService

    backtests = _opener(
        lambda core: BacktestService(
            core.database, core.kernel.ledger_path, core.catalogue, core.clock
        )
    )
    cli = build_cli(_opener(lambda core: core.slo), backtests)
    policy = _opener(lambda core: core.policy)
    cli.add_typer(build_gate_cli(policy), name="gate")
    corrections = _opener(lambda core: core.corrections)
    cli.add_typer(build_correction_cli(corrections), name="correction")
    cli.add_typer(build_policy_cli(policy), name="policy")
    return cli


def build_incident_cli() -> typer.Typer:
    """`tillwatch incident ...`."""
    from triage.cli import build_cli

    return build_cli(_opener(lambda core: core.incidents))


def build_approval_cli() -> typer.Typer:
    """`tillwatch approval ...`."""
    from runbooks.cli import build_cli

    return build_cli(_opener(lambda core: core.approvals))


def build_deadletter_cli() -> typer.Typer:
    """`tillwatch deadletter ...`."""
    from collector.deadletters import DeadLetterService
    from collector.deadletters.cli import build_deadletter_cli as build
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


def _opener(
    service_of: Callable[[Core], _Service],
) -> Callable[[Path | None], AbstractContextManager[_Service]]:
    """Gives one of the core's services with its stores open; the core is large and comes late."""

    @contextmanager
    def opener(data_dir: Path | None) -> Iterator[_Service]:
        from app.core import Core

        core = Core(settings_for(data_dir), _control(data_dir), SystemClock())
        try:
            yield service_of(core)
        finally:
            core.close()

    return opener


def _control(data_dir: Path | None) -> Database:
    return open_control(settings_for(data_dir))
