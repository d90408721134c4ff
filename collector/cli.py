"""`tillwatch event send|tail|counts`: talks to a running service."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from collector.counts.cli import add_commands
from kernel import strict_json
from kernel.api_client import ApiClient, open_client
from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, ServerUrl, emit, note, plain

_BATCH = 500
_TAIL_EVERY_S = 1.0
_MAX_REMEMBERED = 5_000


def build_event_cli() -> typer.Typer:
    """The `event` commands; they talk to a running service."""
    cli = typer.Typer(help="Send and watch shop events.", no_args_is_help=True)

    @cli.command()
    def send(
        file: Annotated[str, typer.Argument(help="JSON or NDJSON file, - for stdin.")],
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Send events; exit code 1 where some were rejected."""
        items = _items(_read(file))
        client = open_client(url, data_dir)
        try:
            total = _send_all(client, items)
        finally:
            client.close()
        emit(total, as_json, _render_sent)
        if total["rejected"]:
            raise typer.Exit(1)

    @cli.command()
    def tail(
        type_: Annotated[list[str] | None, typer.Option("--type", help="Only these types.")] = None,
        since: Annotated[str, typer.Option(help="From here on: RFC 3339 or 15m.")] = "1m",
        once: Annotated[bool, typer.Option("--once", help="What is there, then stop.")] = False,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Print events as they are projected, oldest first (with --json one document a line)."""
        client = open_client(url, data_dir)
        try:
            for event in _tail(client, type_ or [], since, once=once):
                emit(event, as_json, _render_event)
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
        finally:
            client.close()

    add_commands(cli)
    return cli


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}", path="FILE") from None


def _items(body: bytes) -> list[Any]:
    """A JSON document, else one per line; a bad line names its number."""
    try:
        document = strict_json.loads(body)
    except BadInput:
        if body.count(b"\n") < 1:
            raise
        return [_line(number, line) for number, line in _lines(body)]
    return document if isinstance(document, list) else [document]


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    for number, line in enumerate(body.splitlines(), 1):
        if line.strip():
            yield number, line


def _line(number: int, line: bytes) -> Any:
    try:
        return strict_json.loads(line)
    except BadInput as error:
        raise BadInput(f"line {number}: {error.message}", path=f"line {number}") from None


def _send_all(client: ApiClient, items: list[Any]) -> dict[str, Any]:
    total: dict[str, Any] = {"receipts": [], "accepted": 0, "duplicates": 0, "rejected": []}
    for start in range(0, len(items), _BATCH):
        answer = client.post("/api/events", items[start : start + _BATCH])
        total["receipts"].append(answer["receipt"])
        total["accepted"] += answer["accepted"]
        total["duplicates"] += answer["duplicates"]
        total["rejected"] += [{**one, "index": one["index"] + start} for one in answer["rejected"]]
    return total


def _tail(
    client: ApiClient, types: list[str], since: str, *, once: bool
) -> Iterator[dict[str, Any]]:
    seen: dict[tuple[str, str], None] = {}
    while True:
        answer = client.get("/api/events", type=",".join(types), since=since, limit=1000)
        for event in reversed(answer["events"]):
            key = (event["source"], event["id"])
            if key not in seen:
                seen[key] = None
                yield event
        if once:
            return
        for key in list(seen)[:-_MAX_REMEMBERED]:
            del seen[key]
        time.sleep(_TAIL_EVERY_S)


def _render_sent(total: dict[str, Any]) -> str:
    for one in total["rejected"][:20]:
        note(f"rejected item {one['index']}: {plain(str(one['reason']))}")
    return (
        f"accepted {total['accepted']}, duplicates {total['duplicates']},"
        f" rejected {len(total['rejected'])}\n" + "\n".join(total["receipts"])
    )


def _render_event(event: dict[str, Any]) -> str:
    data = event["data"]
    about = " ".join(
        f"{name}={data[name]}"
        for name in ("payment_id", "checkout_id", "amount_minor", "currency", "provider")
        if name in data
    )
    return plain(f"{event['time']}  {event['type']:<22}  {event['source']}  {about}")
