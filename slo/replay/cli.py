"""`tillwatch slo backtest`: what the alerts would have done on this installation's own history."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, emit, note, plain, render_table
from slo.replay.service import BacktestService, read_proposed

Opener = Callable[[Path | None], AbstractContextManager[BacktestService]]
_UNITS_S = {"h": 3600, "d": 86_400, "w": 604_800}
MAX_SINCE_S = 400 * 86_400


def add_backtest_command(cli: typer.Typer, opener: Opener) -> None:
    """Register the command; `opener(data_dir)` gives the service with its stores open."""

    @cli.command()
    def backtest(
        slo_id: Annotated[str, typer.Argument(help="Name of the objective (all of them).")] = "",
        since: Annotated[str, typer.Option(help="How far back: 36h, 90d, 12w.")] = "90d",
        definition: Annotated[
            Path | None, typer.Option(help="A proposed OpenSLO file instead of the running one.")
        ] = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show when the alerts would have paged, how fast, and how often wrongly."""
        seconds = seconds_of(since)
        proposed = None if definition is None else read_proposed(definition)
        shown: dict[str, int] = {}

        def say(name: str, share: float) -> None:
            tenth = int(share * 10)
            if tenth > shown.get(name, 0):
                shown[name] = tenth
                note(f"{name}: {10 * tenth} % played")

        with opener(data_dir) as service:
            document = service.run(slo_id, seconds, proposed, say)
        emit(document, as_json, render)


def seconds_of(text: str) -> int:
    """Seconds of "36h", "90d" or "12w". Raises BadInput."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([hdw])", text)
    seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
    if not 0 < seconds <= MAX_SINCE_S:
        raise BadInput(
            f"{text[:20]!r} is no time to look back",
            path="--since",
            hint="such as 36h, 90d or 12w; the ledger is kept for 400 days",
        )
    return seconds


def render(document: dict[str, Any]) -> str:
    """Sentences and the list of pages."""
    lines = []
    for one in document["backtests"]:
        lines.append(f"{plain(one['id'])}: {one['text']}")
        if one["note"]:
            lines.append(f"  {one['note']}")
        rows = [
            [
                alert["opened"],
                alert["tier"],
                plain(" / ".join(alert["segment"].values())) or "-",
                f"{alert['detection_s']} s (steps of {alert['resolution_s']} s)",
                "false" if alert["false"] else "",
                plain(alert["reason"]),
            ]
            for alert in one["alerts"]
            if alert["page"]
        ]
        if rows:
            lines.append(
                render_table(["paged", "tier", "segment", "detection", "", "reason"], rows)
            )
    return "\n".join(lines)
