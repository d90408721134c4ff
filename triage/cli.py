"""`tillwatch incident list|show`, and what people do to incidents (over HTTP)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import typer

from kernel.money import format_money
from kernel.terminal import emit, plain, render_table
from triage.acts.cli import add_acts
from triage.schemas import IncidentOut, StandingOut
from triage.service import IncidentService

_FIGURES = ("mtta_ms", "mttr_ms", "median_decision_ms")
Opener = Callable[[Path | None], AbstractContextManager[IncidentService]]


def build_cli(opener: Opener) -> typer.Typer:
    """`opener(data_dir)` opens the stores for reading."""
    cli = typer.Typer(no_args_is_help=True, help="Incidents: what broke, what it costs, and why.")

    @cli.command("list")
    def listed(
        state: str = typer.Option("", help="open, acknowledged or resolved"),
        limit: int = typer.Option(20, min=1, max=200),
        as_json: bool = typer.Option(False, "--json", help="one JSON document"),
        data_dir: Path | None = typer.Option(None, "--data-dir"),
    ) -> None:
        """Incidents, newest first."""
        with opener(data_dir) as incidents:
            found = incidents.list(state or None, limit)
        if as_json:
            document = [one.model_dump(mode="json", by_alias=True) for one in found]
            typer.echo(json.dumps({"incidents": document}, ensure_ascii=False))
            return
        if not found:
            typer.echo("No incidents.")
        for one in found:
            typer.echo(
                f"{one.number:<8} {one.state + marks(one):<14} {one.severity:<9}"
                f" {one.opened_at[:19]}Z  {plain(one.title)}"
            )

    @cli.command("show")
    def show(
        incident: str = typer.Argument(help="INC-n or the id"),
        as_json: bool = typer.Option(False, "--json", help="one JSON document"),
        data_dir: Path | None = typer.Option(None, "--data-dir"),
    ) -> None:
        """One incident with its brief, evidence and proposals."""
        with opener(data_dir) as incidents:
            found = incidents.show(incident)
        if as_json:
            typer.echo(json.dumps(found.model_dump(mode="json", by_alias=True), ensure_ascii=False))
        else:
            # What alerts and telemetry say may hold terminal escapes: line by line made visible.
            typer.echo(
                "\n".join(plain(line) for text in _lines(found) for line in text.split("\n"))
            )

    @cli.command("postmortem")
    def postmortem(
        incident: str = typer.Argument(help="INC-n or the id"),
        data_dir: Path | None = typer.Option(None, "--data-dir"),
    ) -> None:
        """The draft of a postmortem in Markdown, from records alone."""
        with opener(data_dir) as incidents:
            typer.echo(incidents.postmortem(incident), nl=False)

    @cli.command("times")
    def times(
        last: int = typer.Option(100, min=1, max=200, help="of so many newest incidents"),
        as_json: bool = typer.Option(False, "--json", help="one JSON document"),
        data_dir: Path | None = typer.Option(None, "--data-dir"),
    ) -> None:
        """How long it took to acknowledge, to decide and to recover, with AI and without."""
        with opener(data_dir) as incidents:
            found = incidents.times(last)
        emit(found.model_dump(mode="json"), as_json, _times_text)

    add_acts(cli)
    return cli


def _times_text(document: Mapping[str, Any]) -> str:
    def cell(value_ms: int | None) -> str:
        return "-" if value_ms is None else f"{value_ms / 1_000:,.1f} s"

    rows = [
        (name.replace("_", " "), one["incidents"], *(cell(one[key]) for key in _FIGURES))
        for name, one in document.items()
    ]
    head = ("", "incidents", "to acknowledge", "to recover", "to decide")
    return render_table(head, rows, right=head[1:])


def marks(one: StandingOut) -> str:
    """What stands beside the state: stale, silenced, merged."""
    found = [
        *(["stale"] if getattr(one, "stale", False) else []),
        *(["silenced"] if one.silenced_until else []),
        *([f"merged into {one.merged_into}"] if one.merged_into else []),
        *(["not an incident"] if one.resolution == "not_an_incident" else []),
    ]
    return f" ({', '.join(found)})" if found else ""


def _severity(found: IncidentOut) -> str:
    by = f"set by a person ({found.severity_reason or 'no reason given'}); " * bool(
        found.severity_by
    )
    return f"{by}by its figures: {found.severity_why or 'not measured'}"


def _lines(found: IncidentOut) -> list[str]:
    lines = [
        f"{found.number}  {found.title}",
        f"state     {found.state}{marks(found)}, {found.severity}",
        f"severity  {_severity(found)}",
        f"opened    {found.opened_at}   onset {found.onset_at}",
        f"resolved  {found.resolved_at or '-'}",
        f"slos      {', '.join(found.slos) or '-'}",
    ]
    if found.silenced_until:
        lines.append(f"silenced  until {found.silenced_until} {found.silence_reason}".rstrip())
    if found.resolution_reason:
        lines.append(f"because   {found.resolution_reason}")
    if found.left_out:
        lines.append(f"left out  {found.left_out} alerts were left out by their sender")
    if found.impact:
        lost = ", ".join(format_money(one.lost_minor, one.currency) for one in found.impact.money)
        lines.append(
            f"impact    {found.impact.bad} of {found.impact.total} failed"
            f" ({found.impact.objective}), lost {lost or 'nothing yet'}"
        )
    if found.brief:
        lines += ["", found.brief.text]
        if found.brief.missing_sources:
            lines.append(f"Could not be asked: {', '.join(found.brief.missing_sources)}")
    lines += ["", *(f"{one.id:<4} {one.summary}" for one in found.evidence)]
    lines += [
        f"proposal  {one.runbook} / {one.step} ({one.tier}): {one.state}" for one in found.proposals
    ]
    return lines
