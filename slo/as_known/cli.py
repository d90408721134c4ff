"""`tillwatch slo as-known`: the figures of a moment of the past."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, emit, plain, render_table
from slo.service import SloService

Opener = Callable[[Path | None], AbstractContextManager[SloService]]


def add_as_known_command(cli: typer.Typer, opener: Opener) -> None:
    """Register the command; `opener(data_dir)` gives the service with its stores open."""

    @cli.command("as-known")
    def as_known(
        slo_id: Annotated[str, typer.Argument(help="Name of the objective.")],
        at: Annotated[str, typer.Argument(help="The moment: 2026-11-30T03:12:00Z.")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show what was known at a moment, beside what is known of it now."""
        try:
            at_us = parse_rfc3339(at)
        except ValueError as error:
            raise BadInput(str(error), path="AT", hint="such as 2026-11-30T03:12:00Z") from None
        with opener(data_dir) as service:
            document = service.as_known(slo_id, at_us).model_dump(mode="json")
        emit(document, as_json, render)


def render(document: dict[str, Any]) -> str:
    """A row for then and one for now."""
    rows = [
        [
            f"{document[name]['good']:,}",
            f"{document[name]['bad']:,}",
            f"{document[name]['excluded']:,}",
            _ratio(document[name]["sli"], 3),
            _ratio(document[name]["budget_left"], 1),
            "-" if document[name]["bad_left"] is None else f"{document[name]['bad_left']:,}",
            words,
        ]
        for name, words in (("then", "as known then"), ("now", "as known now"))
    ]
    head = ["good", "bad", "left out", "succeeded", "budget left", "may fail", ""]
    named = f"{plain(document['name'])} ({plain(document['id'])})"
    return "\n".join(
        [
            f"{named}\nwindow {document['from']} to {document['at']}",
            render_table(head, rows, head[:-1]),
            document["sentence"],
            f"Without corrections; what was known is kept by the {document['kept_by']}.",
        ]
    )


def _ratio(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value * 100:.{digits}f} %"
