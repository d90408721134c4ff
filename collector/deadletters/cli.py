"""`tillwatch deadletter list|show` (opens the stores) and `replay` (HTTP)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from collector.deadletters.merge_patch import from_assignments
from collector.deadletters.service import DeadLetterService
from kernel.api_client import ApiClient, open_client
from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, ServerUrl, emit, note, plain, render_table

Opener = Callable[[Path | None], AbstractContextManager[DeadLetterService]]
_DONE = frozenset({"stored", "duplicate", "reading", "replayed"})
_MAX_BATCHES = 10_000

Rule = Annotated[str, typer.Option("--rule", help="Only letters of this rule.")]
Source = Annotated[str, typer.Option("--source", help="Only letters of this source.")]


def build_deadletter_cli(opener: Opener) -> typer.Typer:
    """The `deadletter` commands; `opener(data_dir)` gives the service with its stores open."""
    cli = typer.Typer(help="What could not be taken, and why.", no_args_is_help=True)
    _add_reading(cli, opener)

    @cli.command()
    def replay(
        ids: Annotated[
            list[str] | None, typer.Argument(help="Ids that `deadletter list` shows.")
        ] = None,
        *,
        everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
        rule: Rule = "",
        source: Source = "",
        fixes: Annotated[
            list[str] | None, typer.Option("--set", help="A fix: data.currency=EUR.")
        ] = None,
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Only say what would become of them.")
        ] = False,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Take rejected data after all; exit code 1 where some of it is still bad."""
        if bool(ids) == everything:
            raise BadInput("name dead letters, or say --all", path="ID", hint="see --help")
        wanted: dict[str, Any] = {"dry_run": dry_run}
        wanted |= {"all": True, "rule": rule, "source": source} if everything else {}
        if fixes:
            wanted["set"] = from_assignments(fixes)
        with closing(open_client(url, data_dir)) as client:
            total = _replay_all(client, wanted, ids or [])
        emit(total, as_json, _render_replay)
        if not total["counts"].keys() <= _DONE:
            raise typer.Exit(1)

    return cli


def _add_reading(cli: typer.Typer, opener: Opener) -> None:
    @cli.command("list")
    def list_(
        limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
        rule: Rule = "",
        source: Source = "",
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show the newest dead letters."""
        with opener(data_dir) as service:
            found = service.list(rule=rule, source=source, limit=limit)
            document = {"deadletters": found, "totals": service.totals()}
        emit(document, as_json, _render_letters)

    @cli.command()
    def show(
        letter_id: Annotated[str, typer.Argument(help="The id that `deadletter list` shows.")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Show one dead letter with what is kept of it."""
        with opener(data_dir) as service:
            document = service.show(letter_id)
        emit(document, as_json, _render_letter)


def _replay_all(client: ApiClient, wanted: dict[str, Any], ids: list[str]) -> dict[str, Any]:
    """Batch by batch, with a word on stderr after each; what breaks off can be asked for again."""
    counts: Counter[str] = Counter()
    results: list[dict[str, Any]] = []
    for report in _batches(client, wanted, ids):
        counts.update(report["counts"])
        results += report["results"]
        note(f"{len(results)} dead letters: {_in_words(counts)}")
    return {"dry_run": wanted["dry_run"], "counts": dict(counts), "results": results}


def _batches(client: ApiClient, wanted: dict[str, Any], ids: list[str]) -> Iterator[dict[str, Any]]:
    one = {name: wanted[name] for name in ("dry_run", "set") if name in wanted}
    for letter_id in ids:
        yield client.post(f"/api/deadletters/{quote(letter_id, safe=':')}/replay", one)
    cursor = ""
    for _ in range(0 if ids else _MAX_BATCHES):
        report = client.post("/api/deadletters/replay", {**wanted, "cursor": cursor})
        yield report
        cursor = report["next"]
        if not cursor:
            return


def _in_words(counts: Counter[str]) -> str:
    return ", ".join(f"{amount} {name}" for name, amount in sorted(counts.items())) or "none"


def _render_replay(total: dict[str, Any]) -> str:
    for one in total["results"][:20]:
        if one["outcome"] not in _DONE:
            note(f"{one['id']}: {one['outcome']}: {plain(one['reason'])}")
    would = "would become " if total["dry_run"] else ""
    return would + _in_words(Counter(total["counts"]))


def _render_letters(document: dict[str, Any]) -> str:
    rows = [
        (one["at"], one["id"], one["source"], one["rule"], one["state"], one["reason"])
        for one in document["deadletters"]
    ]
    if gone := document["totals"]["gone"]:
        note(f"{gone} older ones had to go: at most 100,000 items or 64 MiB are kept")
    if not rows:
        return "no dead letters"
    return render_table(("at", "id", "source", "rule", "state", "reason"), rows)


def _render_letter(document: dict[str, Any]) -> str:
    """One line a field; the item as JSON, indented, below."""
    lines = [f"{name}: {plain(str(value))}" for name, value in document.items() if name != "item"]
    item = document["item"]
    if item is not None:
        text = json.dumps(item, indent=2, ensure_ascii=True)
        lines += ["item:", *text.splitlines()]
    return "\n".join(lines)
