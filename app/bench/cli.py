"""`tillwatch bench`: measure this product on this machine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from app.bench.forecast import forecast_coverage, render_forecast
from app.bench.ingest import CASES, IngestRun
from app.bench.load import Load, LoadRun
from app.bench.rca.run import render_rca, run_rca
from kernel.clock import SystemClock
from kernel.errors import BadInput
from kernel.terminal import AsJson, emit, note, render_table


def build_bench_cli() -> typer.Typer:
    """The commands of the noun `bench`."""
    cli = typer.Typer(no_args_is_help=True)
    cli.callback()(_bench)
    cli.command("load")(load)
    cli.command("ingest")(ingest)
    cli.command("detect")(detect)
    cli.command("forecast")(forecast)
    cli.command("slo")(slo)
    cli.command("rca")(rca)
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


def rca(
    dataset: Annotated[Path, typer.Option(help="A folder with an incident in each folder.")],
    as_json: AsJson = False,
) -> None:
    """Judge recorded incidents by the evidence engine alone, and score what it says."""
    emit(run_rca(dataset, note), as_json, render_rca)


def detect(
    seeds: Annotated[int, typer.Option(min=1, max=50, help="Stories of each incident.")] = 3,
    first_seed: Annotated[int, typer.Option(min=0, help="The first seed.")] = 1,
    speed: Annotated[int, typer.Option(help="The peer's time is divided by: 10, 20, 30, 60.")] = 30,
    case: Annotated[list[str] | None, typer.Option(help="Only cases with this word.")] = None,
    as_json: AsJson = False,
) -> None:
    """Play a library of incidents to us and to Prometheus with Sloth's rules, side by side."""
    # numpy is wanted here and by nobody else of this noun.
    from app.bench.detect.incidents import INCIDENTS
    from app.bench.detect.peer import SPEEDS
    from app.bench.detect.run import DetectRun

    if speed not in SPEEDS:
        raise BadInput(f"the speed {speed} is not offered", hint=f"one of {SPEEDS}")
    wanted = [one for one in INCIDENTS if not case or any(word in one.name for word in case)]
    if not wanted:
        raise BadInput("no incident has such a word", hint="leave --case out to play all")
    run = DetectRun(SystemClock(), note, speed)
    document = run.run(range(first_seed, first_seed + seeds), wanted)
    emit(document, as_json, render_detect)


def render_detect(document: dict[str, Any]) -> str:
    """The comparison as a table for people."""
    rows = [
        (
            row["case"],
            _seconds(row["ours"]),
            _seconds(row["peer"]) if row["peer_by_seed"] else "",
            str(row["ratio"] or ""),
            row["unit"],
            _resets(row["ours_by_seed"]),
            _resets(row["peer_by_seed"]),
        )
        for row in document["rows"]
    ]
    head = ("case", "ours", "peer", "ratio", "unit", "reset s, ours", "reset s, peer")
    text = f"peer: {document['peer'] or 'not installed'}, time divided by"
    return "\n".join([render_table(head, rows), f"{text} {document['peer_time_divided_by']}"])


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:g}"


def _resets(outcomes: list[dict[str, Any]]) -> str:
    known = sorted(one["reset_s"] for one in outcomes if one["reset_s"] is not None)
    return f"{known[len(known) // 2]:g}" if known else ""


def slo(
    objectives: Annotated[int, typer.Option(min=1, max=2000, help="Objectives judged.")] = 1000,
    minutes: Annotated[float, typer.Option(min=0.5, max=60, help="Minutes of passes.")] = 3.0,
    peer_hours: Annotated[float, typer.Option(min=1, max=672, help="The peer's history.")] = 24.0,
    rebuild_events: Annotated[int, typer.Option(min=1000, help="Events counted again.")] = 500_000,
    as_json: AsJson = False,
) -> None:
    """What counting and judging cost, beside a real Prometheus with Sloth's rules."""
    from app.bench.slo.run import Plan, run

    plan = Plan(objectives, minutes, peer_hours, rebuild_events=rebuild_events)
    with tempfile.TemporaryDirectory(prefix="tillwatch-bench-") as folder:
        document = run(Path(folder), plan, note)
    emit(document, as_json, render_slo)


def render_slo(document: dict[str, Any]) -> str:
    """The rows as a table for people, the notes below it."""
    rows = [
        (
            row["case"],
            f"{row['ours']:,}",
            "" if row["peer"] is None else f"{row['peer']:,}",
            "" if row["ratio"] is None else str(row["ratio"]),
            row["unit"],
            "" if row["goal"] is None else f"{row['goal']:,}",
        )
        for row in document["rows"]
    ]
    table = render_table(("case", "ours", "peer", "ratio", "unit", "goal"), rows)
    return "\n".join([table, *document["notes"]])


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
