"""`tillwatch runbook lint|match|list` and `tillwatch approval list|approve|reject|...`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from kernel.api_client import ApiClient, open_client
from kernel.errors import BadInput, NotFound
from kernel.terminal import AsJson, DataDir, ServerUrl, Yes, emit, note, plain, render_table
from runbooks.catalogue import Catalogue, load
from runbooks.planning import action_of, describe, sentence
from runbooks.policy import is_executable, tier_of
from runbooks.service import ApprovalService
from runbooks.settings import RunbookSettings

Opener = Callable[[Path | None], AbstractContextManager[ApprovalService]]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--dir", help="Folder of runbooks (TILLWATCH_RUNBOOK_DIR, else the shipped ones)."
    ),
]

Digest = Annotated[
    str | None,
    typer.Option(help="Its digest as it was shown to you; without it, it is shown and asked."),
]

Why = Annotated[str, typer.Option(help="Why; it is recorded and shown.")]


def build_runbook_cli() -> typer.Typer:
    """The `runbook` commands: they read files alone and open no store."""
    cli = typer.Typer(help="The catalogue of what may be done.", no_args_is_help=True)

    @cli.command()
    def lint(folder: Folder = None, as_json: AsJson = False) -> None:
        """Check all files; exit 1 where one cannot be used."""
        runbooks, problems = load(_folder(folder))
        document: dict[str, Any] = {
            "valid": sorted(runbooks),
            "problems": [
                {"file": name, **fault}
                for name, problem in problems.items()
                for fault in problem.problems or [{"path": "$", "reason": problem.message}]
            ],
        }
        emit(document, as_json, _lint_text)
        if document["problems"] or not runbooks:
            raise typer.Exit(1)

    @cli.command("list")
    def list_(folder: Folder = None, as_json: AsJson = False) -> None:
        """Show every step with the tier that counts."""
        rows = [
            {**describe(runbook, step), "tier": tier_of(step).value, "owner": runbook.owner}
            for runbook in Catalogue(_folder(folder)).all()
            for step in runbook.steps
        ]
        emit({"steps": rows}, as_json, _list_text)

    @cli.command()
    def match(
        labels: Annotated[list[str], typer.Argument(help="Labels of an incident: name=value ...")],
        folder: Folder = None,
        as_json: AsJson = False,
    ) -> None:
        """Show which steps fit these labels, best first, and exactly what each would do."""
        matches = Catalogue(_folder(folder)).match(_labels(labels))
        rows = [
            {
                **describe(found.runbook, found.step),
                "tier": tier_of(found.step).value,
                "params": found.params,
                "why": found.why,
                "what": sentence(action_of(found.step, found.params)),
                "proposed": found.step.id == found.runbook.propose
                and is_executable(tier_of(found.step)),
            }
            for found in matches
        ]
        emit({"matches": rows}, as_json, _match_text)
        if not rows:
            raise typer.Exit(1)

    return cli


def build_cli(opener: Opener) -> typer.Typer:
    """The `approval` commands: listing opens the stores, deciding goes over HTTP."""
    cli = typer.Typer(help="What waits for a decision.", no_args_is_help=True)

    @cli.command("list")
    def list_(
        state: Annotated[str | None, typer.Option(help="Only this state.")] = None,
        incident: Annotated[str | None, typer.Option(help="Only this incident's id.")] = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show approvals, newest first."""
        with opener(data_dir) as service:
            rows = [row.model_dump(mode="json") for row in service.approvals(incident, state)]
        emit({"approvals": rows}, as_json, _approvals_text)

    @cli.command()
    def approve(
        approval_id: Annotated[str, typer.Argument(help="The id that `approval list` shows.")],
        reason: Annotated[str, typer.Option(help="Why (needed for R2 and R3).")] = "",
        digest: Digest = None,
        yes: Yes = False,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Approve exactly what was shown under this digest."""
        with _client(url, data_dir) as client:
            shown = digest or _shown_digest(client, approval_id, yes)
            said = {"decision": "approve", "shown_hash": shown, "reason": reason}
            emit(client.post(_path(approval_id, "/decision"), said), as_json, _decided_text)

    @cli.command()
    def reject(
        approval_id: Annotated[str, typer.Argument(help="The id that `approval list` shows.")],
        reason: Annotated[str, typer.Option(help="Why.")],
        digest: Digest = None,
        yes: Yes = False,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Reject it; nothing is done."""
        with _client(url, data_dir) as client:
            shown = digest or _shown_digest(client, approval_id, yes)
            said = {"decision": "reject", "shown_hash": shown, "reason": reason}
            emit(client.post(_path(approval_id, "/decision"), said), as_json, _decided_text)

    _add_ending(cli)
    return cli


def _add_ending(cli: typer.Typer) -> None:
    @cli.command()
    def revoke(
        approval_id: Annotated[str, typer.Argument(help="The id that `approval list` shows.")],
        reason: Why,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Take an approval back before it is carried out."""
        with _client(url, data_dir) as client:
            said = {"reason": reason}
            emit(client.post(_path(approval_id, "/revocation"), said), as_json, _decided_text)

    @cli.command()
    def stop(
        reason: Why, url: ServerUrl = None, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Switch off all execution: cancel what waits or is approved, let nothing begin."""
        with _client(url, data_dir) as client:
            emit(client.post("/api/execution/stop", {"reason": reason}), as_json, _switch_text)

    @cli.command()
    def resume(
        reason: Why, url: ServerUrl = None, data_dir: DataDir = None, as_json: AsJson = False
    ) -> None:
        """Switch execution on again; what was cancelled does not come back."""
        with _client(url, data_dir) as client:
            emit(client.post("/api/execution/resume", {"reason": reason}), as_json, _switch_text)

    @cli.command()
    def status(url: ServerUrl = None, data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """Show whether execution is switched off, and what runs now; exit 1 while it is off."""
        with _client(url, data_dir) as client:
            document = client.get("/api/execution")
        emit(document, as_json, _switch_text)
        if document["stopped"]:
            raise typer.Exit(1)


@contextmanager
def _client(url: str | None, data_dir: Path | None) -> Iterator[ApiClient]:
    client = open_client(url, data_dir)
    try:
        yield client
    finally:
        client.close()


def _path(approval_id: str, tail: str = "") -> str:
    if not approval_id.replace("-", "").isalnum():
        raise BadInput("that is no approval id", path="approval_id")
    return f"/api/approvals/{approval_id}{tail}"


def _shown_digest(client: ApiClient, approval_id: str, yes: bool) -> str:
    """Show exactly what would run and ask; the answer is bound to what was shown here."""
    shown = client.get(_path(approval_id))
    note(plain(f"{shown['tier']} {shown['state']}: {shown['what']}"))
    note(plain(f"undo: {shown['undo']}"))
    note(f"digest: {shown['digest']}")
    if not yes:
        typer.confirm("Decide this?", abort=True, err=True)
    return str(shown["digest"])


def _folder(folder: Path | None) -> Path:
    found = folder or RunbookSettings().library_dir
    if not found.is_dir():
        raise NotFound(f"there is no folder {found}", hint="name it with --dir")
    return found


def _labels(pairs: list[str]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, found, value = pair.partition("=")
        if not (name and found and value):
            raise BadInput(f"{pair!r} is not name=value", path="labels")
        labels[name] = value
    return labels


def _lint_text(document: dict[str, Any]) -> str:
    lines = [f"{one['file']}: {one['path']}: {one['reason']}" for one in document["problems"]]
    lines.append(f"{len(document['valid'])} runbooks can be used")
    return "\n".join(plain(line) for line in lines)


def _list_text(document: dict[str, Any]) -> str:
    rows = [
        (one["runbook"], one["step"], one["tier"], one["kind"], one["owner"], one["title"])
        for one in document["steps"]
    ]
    return render_table(("runbook", "step", "tier", "kind", "owner", "title"), rows)


def _match_text(document: dict[str, Any]) -> str:
    if not document["matches"]:
        return "no runbook fits these labels"
    rows = [
        ("*" if one["proposed"] else "", one["runbook"], one["step"], one["tier"], one["what"])
        for one in document["matches"]
    ]
    table = render_table(("", "runbook", "step", "tier", "what it would do"), rows)
    return f"{table}\n{plain(document['matches'][0]['why'])}"


def _approvals_text(document: dict[str, Any]) -> str:
    rows = [
        (one["id"], one["state"], one["tier"], one["what"], one["expires_at"], one["digest"])
        for one in document["approvals"]
    ]
    return render_table(("id", "state", "tier", "what", "expires", "digest"), rows)


def _decided_text(document: dict[str, Any]) -> str:
    waits = f", waits for {document['waits_for']}" if document.get("waits_for") else ""
    return plain(f"{document['id']} is {document['state']}{waits}: {document['what']}")


def _switch_text(document: dict[str, Any]) -> str:
    state = "switched off" if document["stopped"] else "on"
    by = f" by {document['by']} since {document['at']}: {document['reason']}"
    lines = [f"execution is {state}{by if document['at'] else ''}"]
    if document["cancelled"]:
        lines.append(f"{document['cancelled']} approvals were cancelled")
    lines += [f"still running: {one['id']} {one['what']}" for one in document["running"]]
    return "\n".join(plain(line) for line in lines)
