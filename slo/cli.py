"""`tillwatch slo list|show`, and the commands of its parts.

Opens the stores; stdout carries the result only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.terminal import AsJson, DataDir, emit, note, plain, terminal_width
from slo.as_known.cli import add_as_known_command
from slo.authoring.cli import add_authoring_commands
from slo.authoring.watching_cli import add_tiers_command
from slo.replay.cli import Opener as BacktestOpener
from slo.replay.cli import add_backtest_command
from slo.rules.cli import add_rules_commands
from slo.service import SloService
from slo.terminal_text import list_text, show_text

Opener = Callable[[Path | None], AbstractContextManager[SloService]]


def build_cli(opener: Opener, backtests: BacktestOpener | None = None) -> typer.Typer:
    """The `slo` commands; `opener(data_dir)` gives the service with its stores open.

    `backtests` gives the one that plays history; without it there is no `backtest`.
    """
    cli = typer.Typer(help="Objectives and their error budgets.", no_args_is_help=True)

    @cli.command("list")
    def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """Show how every objective stands."""
        with opener(data_dir) as service:
            fault = service.catalogue.fault
            document: dict[str, Any] = {
                "slos": [slo.model_dump(mode="json") for slo in service.list()],
                "fault": fault,
            }
        emit(document, as_json, lambda one: list_text(one["slos"], terminal_width()))
        if fault:
            note(plain(fault))

    @cli.command()
    def show(
        slo_id: Annotated[str, typer.Argument(help="Name of the objective.")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show one objective: budget in attempts and money, what burns it, what fails now."""
        with opener(data_dir) as service:
            document = service.show(slo_id).model_dump(mode="json")
        emit(document, as_json, lambda one: show_text(one, terminal_width()))

    add_as_known_command(cli, opener)
    add_authoring_commands(cli, opener, backtests)
    add_tiers_command(cli, opener)
    if backtests is not None:
        add_backtest_command(cli, backtests)
    add_rules_commands(cli)
    return cli
