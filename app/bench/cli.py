"""`tillwatch bench`: measure this product on this machine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from app.bench.forecast import forecast_coverage, render_forecast
from app.bench.ingest import CASES, IngestRun
from app.bench.load import Load, LoadRun
from kernel.clock import SystemClock
from kernel.terminal import AsJson, emit, note, render_table


def build_bench_cli() -> typer.Typer:
    """The commands of the noun `bench`."""
    cli = typer.Typer(no_args_is_help=True)
    cli.callback()(_bench)
    cli.command("load")(load)
    cli.command("ingest")(ingest)
    cli.command("forecast")(forecast)
    return cli


def _bench() -> None:
    """Measure this product on this machine."""


def load(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to send.")] = 60.0,
    rate_per_s: Annotated[float, typer.Option(min=1, max=20_000, help="Events a second.")] = 1000.0,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Events a request.")] = 100,
    spans: Annotated[bool, typer.Option(help="Send OTLP spans at about the same rate.")] = True,
    as_json: AsJson = False,
) -> None:
    """Start a private service, send events and spans, and measure until everything is counted."""
    wanted = Load(seconds=seconds, rate_per_s=rate_per_s, batch=batch, spans=spans)
    with tempfile.TemporaryDirectory(prefix="tillwatch-bench-") as folder:
        document = LoadRun(Path(folder), wanted, SystemClock(), note).run()
    emit(document, as_json, render)
    if not document["counts"]["agrees"]:
        raise typer.Exit(1)


def ingest(
    bodies: Annotated[int, typer.Option(min=1, max=20_000, help="Bodies a round.")] = 1_000,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Rounds; the median counts.")] = 3,
    case: Annotated[list[str] | None, typer.Option(help="Only cases with this word.")] = None,
    as_json: AsJson = False,
) -> None:
    """Push telemetry and events at a private service, beside rotel where it is installed."""
    wanted = tuple(one for one in CASES if not case or any(word in one.name for word in case))
    with tempfile.TemporaryDirectory(prefix="tillwatch-bench-") as folder:
        run = IngestRun(Path(folder), bodies, rounds, SystemClock(), note)
        document = run.run(wanted)
    emit(document, as_json, render_ingest)


def forecast(
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Streams of each kind.")] = 100,
    first: Annotated[int, typer.Option(min=0, help="First seed.")] = 0,
    as_json: AsJson = False,
) -> None:
    """How often the 80 % interval of forecasts holds what came, on simulated streams."""
    emit(forecast_coverage(range(first, first + seeds)), as_json, render_forecast)


def render_ingest(document: dict[str, Any]) -> str:
    """The comparison as a table for people."""
    rows = [
        (
            row["case"],
            f"{row['ours']:,}",
            f"{row['peer'] or '':,}" if row["peer"] else "",
            str(row["ratio"] or ""),
            row["unit"],
            str(row.get("ack_p99_ms", "")),
        )
        for row in document["rows"]
    ]
    return render_table(("case", "ours", "rotel", "ratio", "unit", "ack p99 ms"), rows)


def render(document: dict[str, Any]) -> str:
    """The figures as a table for people."""
    rows = [(row["case"], f"{row['ours']:,}", row["unit"], _goal(row)) for row in document["rows"]]
    agrees = "every event counted once" if document["counts"]["agrees"] else "COUNTS DIFFER"
    return "\n".join([render_table(("case", "ours", "unit", "goal"), rows), agrees])


def _goal(row: dict[str, Any]) -> str:
    if "goal" not in row:
        return ""
    return f"< {row['goal']} {'met' if row['met'] else 'MISSED'}"
