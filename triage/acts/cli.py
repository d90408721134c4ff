"""`tillwatch incident acknowledge|close|severity|silence|...`: over HTTP, as the person asking."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.api_client import open_client
from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, ServerUrl, emit, plain

Incident = Annotated[str, typer.Argument(help="INC-n or the id")]
Why = Annotated[str, typer.Option("--reason", help="Why; it stands on the incident.")]


def add_acts(cli: typer.Typer) -> None:
    """The commands that change something."""
    _add_taking(cli)
    _add_judging(cli)
    _add_regrouping(cli)


def _add_taking(cli: typer.Typer) -> None:
    @cli.command()
    def acknowledge(
        incident: Incident, url: ServerUrl = None, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Take an open incident."""
        _act(incident, "acknowledge", {}, (url, data_dir, as_json))

    @cli.command()
    def close(
        incident: Incident, url: ServerUrl = None, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Close a stale incident: you say that it is over."""
        _act(incident, "close", {}, (url, data_dir, as_json))

    @cli.command("take-over")
    def take_over(
        incident: Incident, url: ServerUrl = None, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Take it from whoever has it."""
        _act(incident, "take-over", {}, (url, data_dir, as_json))

    @cli.command("hand-over")
    def hand_over(
        incident: Incident,
        to: Annotated[str, typer.Option(help="Name or id of the person who has it next.")],
        note: Annotated[str, typer.Option(help="What they must know.")] = "",
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Give it to somebody else."""
        _act(incident, "hand-over", {"to": to, "note": note}, (url, data_dir, as_json))


def _add_judging(cli: typer.Typer) -> None:
    @cli.command()
    def severity(
        incident: Incident,
        wanted: Annotated[str, typer.Argument(help="minor, major or critical")],
        reason: Why = "",
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Say how bad it is; that stands until the loss grows by a step."""
        said = {"severity": wanted, "reason": reason}
        _act(incident, "severity", said, (url, data_dir, as_json))

    @cli.command()
    def silence(
        incident: Incident,
        minutes: Annotated[int, typer.Option(min=1, max=24 * 60)],
        reason: Why = "",
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """No notifications for a while; counting goes on, and it ends by itself."""
        said = {"minutes": minutes, "reason": reason}
        _act(incident, "silence", said, (url, data_dir, as_json))

    @cli.command()
    def unsilence(
        incident: Incident, url: ServerUrl = None, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Let notifications go out again."""
        _act(incident, "unsilence", {}, (url, data_dir, as_json))

    @cli.command("not-an-incident")
    def not_an_incident(
        incident: Incident,
        reason: Annotated[str, typer.Option(help="Why it is none.")],
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Close it for good; alerts that begin later open a new one."""
        _act(incident, "not-an-incident", {"reason": reason}, (url, data_dir, as_json))


def _add_regrouping(cli: typer.Typer) -> None:
    @cli.command()
    def split(
        incident: Incident,
        members: Annotated[list[str], typer.Argument(help="keys of alerts (show --json)")],
        reason: Annotated[str, typer.Option(help="Why they belong elsewhere.")],
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a new incident of some of its alerts."""
        said = {"members": members, "reason": reason}
        _act(incident, "split", said, (url, data_dir, as_json))

    @cli.command()
    def merge(
        incident: Incident,
        into: Annotated[str, typer.Argument(help="the incident that takes its alerts")],
        reason: Annotated[str, typer.Option(help="Why they are one.")],
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Put all its alerts into another incident."""
        _act(incident, "merge", {"into": into, "reason": reason}, (url, data_dir, as_json))


def _act(
    incident: str, name: str, said: dict[str, Any], how: tuple[str | None, Path | None, bool]
) -> None:
    url, data_dir, as_json = how
    if not incident.replace("-", "").isalnum():
        raise BadInput("that is no incident", path="incident", hint="INC-n or its id")
    client = open_client(url, data_dir)
    try:
        emit(client.post(f"/api/incidents/{incident}/{name}", said), as_json, _text)
    finally:
        client.close()


def _text(document: dict[str, Any]) -> str:
    return plain(
        f"{document['number']} is {document['state']}, {document['severity']}: {document['title']}"
    )
