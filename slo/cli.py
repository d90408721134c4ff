"""`tillwatch slo list|show|validate`: opens the stores; stdout carries the result only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.terminal import AsJson, DataDir, emit, note, plain, render_table
from slo.catalogue import SHIPPED, read_files, read_folder
from slo.rules.cli import add_rules_commands
from slo.service import SloService
from slo.settings import SloSettings

Opener = Callable[[Path | None], AbstractContextManager[SloService]]


def build_cli(opener: Opener) -> typer.Typer:
    """The `slo` commands; `opener(data_dir)` gives the service with its stores open."""
    cli = typer.Typer(help="Objectives and their error budgets.", no_args_is_help=True)

    @cli.command("list")
    def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """Show how every objective stands."""
        with opener(data_dir) as service:
            document = {"slos": [slo.model_dump(mode="json") for slo in service.list()]}
        emit(document, as_json, _render_list)

    @cli.command()
    def show(
        slo_id: Annotated[str, typer.Argument(help="Name of the objective.")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show one objective with its burn rates and segments."""
        with opener(data_dir) as service:
            document = service.show(slo_id).model_dump(mode="json")
        emit(document, as_json, _render_one)

    @cli.command()
    def validate(
        paths: Annotated[
            list[Path] | None,
            typer.Argument(help="Files or folders (TILLWATCH_SLO_DIR, else the shipped ones)."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Check OpenSLO files; shows every fault with its place. Exits 1 where there is one."""
        document = _validated(paths or [SloSettings().slo_dir or SHIPPED])
        emit(document, as_json, _render_validation)
        for text in document["notes"]:
            note(plain(text))
        raise typer.Exit(1 if document["problems"] else 0)

    add_rules_commands(cli)
    return cli


def _validated(paths: list[Path]) -> dict[str, Any]:
    files = [path for path in paths if not path.is_dir()]
    readings = [read_folder(path) for path in paths if path.is_dir()]
    if files:
        readings.append(read_files(files))
    return {
        "objectives": [one.id for reading in readings for one in reading.objectives],
        "problems": [one.as_dict() for reading in readings for one in reading.problems],
        "notes": [text for reading in readings for text in reading.notes],
    }


def _render_validation(document: dict[str, Any]) -> str:
    lines = []
    for one in document["problems"]:
        found = f" (found {one['value']})" if one["value"] else ""
        lines.append(plain(f"{one['path']}: {one['reason']}{found}"))
    count = len(document["objectives"])
    good = f"{count} objective{'' if count == 1 else 's'} good"
    faults = len(lines)
    lines.append(f"{good}, {faults} fault{'' if faults == 1 else 's'}" if faults else good)
    return "\n".join(lines)


def _render_list(document: dict[str, Any]) -> str:
    rows = [
        [
            slo["id"],
            slo["state"],
            _share(slo["sli"]),
            _share(slo["target"]),
            _share(slo["budget_left"], digits=1),
            "-" if slo["bad_left"] is None else slo["bad_left"],
            len(slo["alerts"]),
        ]
        for slo in document["slos"]
    ]
    head = ["objective", "state", "succeeded", "promised", "budget left", "may fail", "alerts"]
    return render_table(head, rows)


def _render_one(slo: dict[str, Any]) -> str:
    counts = slo["counts"]
    lines = [
        f"{plain(slo['name'])} ({slo['id']}): {slo['state']}",
        f"  {_share(slo['sli'])} of {_share(slo['target'])} promised",
        f"  budget left {_share(slo['budget_left'], digits=1)}",
        "  " + ", ".join(f"{name} {count}" for name, count in counts.items()),
    ]
    if slo["reason"]:
        lines.append(f"  {plain(slo['reason'])}")
    rates = [
        [name, "-" if rate is None else f"{rate:.2f}"] for name, rate in slo["burn_rates"].items()
    ]
    lines.append(render_table(["window", "burn rate"], rows=rates))
    rows = [
        [" / ".join(one["key"].values()), one["state"], one["counts"]["bad"], one["counts"]["good"]]
        for one in slo["segments"][:20]
    ]
    if rows:
        lines.append(render_table(["segment", "state", "bad", "good"], rows))
    return "\n".join(lines)


def _share(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f} %"
