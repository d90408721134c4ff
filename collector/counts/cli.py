"""`tillwatch event counts` (HTTP) and `tillwatch event verify` (offline, with the public key)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from audit.note import parse_vkey
from collector.counts import statement
from kernel.api_client import open_client
from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, ServerUrl, emit, note, plain, render_table

_COLUMNS = ("source", "class", "stored", "rejected", "duplicate", "shed")


def add_commands(cli: typer.Typer) -> None:
    """The two commands, beside the others of `event`."""
    cli.command()(counts)
    cli.command()(verify)


def counts(
    day: Annotated[str, typer.Option(help="UTC day like 2026-11-24; default: today.")] = "",
    source: Annotated[str, typer.Option(help="Only this source.")] = "",
    sender: Annotated[str, typer.Option(help="Only this sender (for those who may see all).")] = "",
    save: Annotated[
        Path | None, typer.Option(help="Write the signed counts into this folder.")
    ] = None,
    url: ServerUrl = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what was sent on a day and what became of it; signed once the day is over."""
    client = open_client(url, data_dir)
    try:
        document = client.get("/api/counts", day=day, source=source, sender=sender)
    finally:
        client.close()
    if save is not None:
        _save(save, document)
    emit(document, as_json, _render)


def verify(
    file: Annotated[Path, typer.Argument(help="A signed count, as `counts --save` writes it.")],
    vkey: Annotated[
        Path, typer.Option(help="The public key audit.vkey, best a copy that you kept yourself.")
    ],
    as_json: AsJson = False,
) -> None:
    """Check a signed count without any service. Exit 0: as it was signed; 1: it is not."""
    key = parse_vkey(_bytes(vkey).decode("utf-8", "replace"))
    signed = _bytes(file)
    try:
        said = statement.read(signed, key)
    except BadInput as error:
        bad = {"result": "not_signed", "reason": error.message}
        emit(bad, as_json, lambda one: f"{one['result']}: {plain(one['reason'])}")
        raise typer.Exit(1) from None
    emit({"result": "verified", **said, "signed_by": key.name}, as_json, _render_verified)


def _save(folder: Path, document: Mapping[str, Any]) -> None:
    """One file per sender, named by number: senders' names are no file names."""
    statements: Sequence[Mapping[str, Any]] = document.get("statements", ())
    if not statements:
        note(f"nothing to save: the count of {document['day']} is not signed")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, one in enumerate(statements, 1):
            path = folder / f"{document['day']}-{number}.count"
            path.write_text(one["note"], encoding="utf-8", newline="")
            note(f"{path}: {plain(one['sender'])}, audit record {one['record']}")
    except OSError as error:
        raise BadInput(f"cannot write to {folder}: {error.strerror}", path="--save") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}", path=str(path)) from None


def _render(document: Mapping[str, Any]) -> str:
    head = f"{document['day']} ({document['state']})"
    if not document["counts"]:
        return f"{head}: nothing was counted"
    rows = [[row["sender"], *(row[name] for name in _COLUMNS)] for row in document["counts"]]
    return f"{head}\n{render_table(('sender', *_COLUMNS), rows)}"


def _render_verified(document: Mapping[str, Any]) -> str:
    rows = [[row[name] for name in _COLUMNS] for row in document["counts"]]
    head = f"verified: {plain(document['sender'])} on {document['day']}"
    return f"{head}, signed by {document['signed_by']}\n{render_table(_COLUMNS, rows)}"
