"""`tillwatch slo list|show`, and the commands of its parts.

Opens the stores; stdout carries the result only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.terminal import AsJson, DataDir, emit, plain, render_table
from slo.authoring.cli import add_authoring_commands
from slo.rules.cli import add_rules_commands
from slo.service import SloService

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

    add_authoring_commands(cli, opener)
    add_rules_commands(cli)
    return cli


def _render_list(document: dict[str, Any]) -> str:
    rows = [
        [
            slo["id"],
            slo["state"],
            _share(slo["sli"]),
            _share(slo["target"]),
            _share(slo["budget_left"], digits=1),
            _may_fail(slo),
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
        f"  budget left {_share(slo['budget_left'], digits=1)}, may fail {_may_fail(slo)}",
        *_window_lines(slo),
        "  " + ", ".join(f"{name} {count}" for name, count in counts.items()),
    ]
    if slo["forecast"]:
        lines.append(f"  {plain(slo['forecast']['sentence'])}")
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


def _may_fail(slo: dict[str, Any]) -> str:
    """Attempts, or the time that may still be bad where slices are budgeted."""
    if slo["bad_left"] is None:
        return "-"
    return _time(slo["slices"]["left_s"]) if slo["slices"] else str(slo["bad_left"])


def _window_lines(slo: dict[str, Any]) -> list[str]:
    window, slices = slo["window"], slo["slices"]
    zone = f" ({window['zone']})" if window["zone"] else ""
    counted = _share(window["elapsed"], digits=1)
    span = f"{window['from']} to {window['ends']}"
    lines = [f"  {window['kind']} window{zone} {span}, {counted} of it counted"]
    if slices:
        lines.append(
            f"  slices of {_time(slices['length_s'])}: {slices['counted']} counted,"
            f" {_time(slices['bad_s'])} bad of {_time(slices['allowed_s'])},"
            f" {slices['neutral']} without an attempt, {slices['missing']} without data"
        )
    if slo["extrapolated"]:
        found = slo["extrapolated"]
        lines.append(
            f"  estimate of the whole window at this pace: {found['total']} attempts,"
            f" {found['bad_left']} more may fail"
        )
    return lines


def _time(seconds: int) -> str:
    """`16 h 48 m`; below an hour `5 m 2 s`; signed."""
    sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{hours} h {minutes} m" if hours else f"{sign}{minutes} m {seconds} s"


def _share(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f} %"
