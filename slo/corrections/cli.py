"""`tillwatch slo correction ...`: reading opens the stores, proposing and deciding use HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kernel.api_client import ApiClient, open_client
from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, ServerUrl, Yes, emit, note, plain
from slo.corrections.proposing import segment_of
from slo.corrections.service import CorrectionService
from slo.corrections.terminal import render_list, render_one

Opener = Callable[[Path | None], AbstractContextManager[CorrectionService]]
CorrectionId = Annotated[str, typer.Argument(help="The id that `slo correction list` shows.")]
Why = Annotated[str, typer.Option(help="Why; it is recorded and shown.")]


def build_correction_cli(opener: Opener) -> typer.Typer:
    """The `slo correction` commands; `opener(data_dir)` gives the service with its stores open."""
    cli = typer.Typer(
        help="What is left out of budgets: maintenance and the like.", no_args_is_help=True
    )

    @cli.command("list")
    def list_(
        objective: Annotated[str | None, typer.Option(help="Only this objective.")] = None,
        state: Annotated[str | None, typer.Option(help="Only this state.")] = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show corrections, newest first."""
        with opener(data_dir) as service:
            rows = [one.model_dump(mode="json") for one in service.list(objective, state)]
        emit({"corrections": rows}, as_json, render_list)

    @cli.command()
    def show(
        correction_id: CorrectionId, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Show one correction and exactly what it does to each objective."""
        with opener(data_dir) as service:
            document = service.show(correction_id).model_dump(mode="json")
        emit(document, as_json, render_one)

    _add_proposing(cli)
    _add_deciding(cli)
    return cli


def _add_proposing(cli: typer.Typer) -> None:
    @cli.command()
    def propose(
        *,
        begins: Annotated[
            str, typer.Option("--from", help="2026-12-07T02:00:00Z, or wall clock with --zone.")
        ],
        ends: Annotated[str, typer.Option("--to", help="The end, written like --from.")],
        reason: Why,
        objective: Annotated[
            list[str] | None, typer.Option(help="Objective it is about (may be repeated).")
        ] = None,
        service: Annotated[str, typer.Option(help="Or: all objectives of this service.")] = "",
        category: Annotated[
            str,
            typer.Option(
                help="scheduled_maintenance, outside_business_hours, deployment or other."
            ),
        ] = "scheduled_maintenance",
        zone: Annotated[str, typer.Option(help="IANA zone of the wall clock: Europe/Berlin.")] = "",
        rule: Annotated[
            str, typer.Option(help="RRULE for more than once: FREQ=WEEKLY;BYDAY=MO.")
        ] = "",
        segment: Annotated[
            str, typer.Option(help="Only this part: provider=adyen,country=DE.")
        ] = "",
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Propose a correction; it has no effect until another person approves it."""
        said = {
            "category": category,
            "reason": reason,
            "objectives": objective or [],
            "service": service,
            "segment": segment_of(segment),
            "from": begins,
            "to": ends,
            "zone": zone,
            "rule": rule,
        }
        with _client(url, data_dir) as client:
            made = client.post("/api/corrections", said)
            document = client.get(_path(made["id"]))
        emit(document, as_json, render_one)


def _add_deciding(cli: typer.Typer) -> None:
    @cli.command()
    def approve(
        correction_id: CorrectionId,
        reason: Why = "",
        yes: Yes = False,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Approve it, once its effect was shown; never what you proposed yourself."""
        with _client(url, data_dir) as client:
            note(render_one(client.get(_path(correction_id))))
            if not yes:
                typer.confirm("Approve this?", abort=True, err=True)
            _decide(client, correction_id, "approve", reason, as_json=as_json)

    @cli.command()
    def reject(
        correction_id: CorrectionId,
        reason: Why,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Reject a proposal; nothing is left out."""
        with _client(url, data_dir) as client:
            _decide(client, correction_id, "reject", reason, as_json=as_json)

    @cli.command()
    def withdraw(
        correction_id: CorrectionId,
        reason: Why,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Take it back whole: what it left out counts again."""
        with _client(url, data_dir) as client:
            _decide(client, correction_id, "withdraw", reason, as_json=as_json)

    @cli.command()
    def end(
        correction_id: CorrectionId,
        reason: Why,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """End it now: what lies behind stays left out, nothing more will be."""
        with _client(url, data_dir) as client:
            _decide(client, correction_id, "end", reason, as_json=as_json)


def _decide(
    client: ApiClient, correction_id: str, decision: str, reason: str, *, as_json: bool
) -> None:
    said = {"decision": decision, "reason": reason}
    document = client.post(_path(correction_id, "/decision"), said)
    emit(document, as_json, lambda one: plain(f"{one['id']} is {one['state']}: {one['when']}"))


@contextmanager
def _client(url: str | None, data_dir: Path | None) -> Iterator[ApiClient]:
    client = open_client(url, data_dir)
    try:
        yield client
    finally:
        client.close()


def _path(correction_id: str, tail: str = "") -> str:
    if not correction_id.replace("-", "").isalnum():
        raise BadInput("that is no id of a correction", path="correction_id")
    return f"/api/corrections/{correction_id}{tail}"
