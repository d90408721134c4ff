"""The command line: `tillwatch noun verb`.

Exit codes: 0 done and good; 1 done, the answer is bad; 2 wrong usage; 3 something needed cannot be
reached; 4 not allowed or not configured; 70 a fault of ours. stdout carries the result only.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import Annotated

import typer
from pydantic import ValidationError

from app.features import NOUNS
from kernel.errors import NotConfigured, TillwatchError
from kernel.terminal import AsJson, DataDir, ServerUrl, emit, note

EXIT_BAD = 1
EXIT_OUR_BUG = 70


def main() -> None:
    """Entry point of the console script."""
    sys.excepthook = _our_bug
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code."""
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    try:
        root = build_root(wanted)
        typer.main.get_command(root).main(arguments, prog_name="tillwatch")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except TillwatchError as error:
        return _report(error, as_json="--json" in arguments)
    except ValidationError as error:
        return _report(_settings_error(error), as_json="--json" in arguments)
    return 0


def build_root(wanted: str | None = None) -> typer.Typer:
    """The root. Only the wanted noun is imported, the others show their help line alone."""
    root = typer.Typer(
        help="Tillwatch watches a shop's till. Exit codes: 0 good, 1 the answer is bad, 2 usage,"
        " 3 unreachable, 4 not allowed or not configured, 70 a fault of ours.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    root.command()(serve)
    root.command()(_demo())
    root.command()(doctor)
    root.command()(probe)
    for noun in NOUNS:
        cli = noun.load() if noun.name == wanted else typer.Typer()
        root.add_typer(cli, name=noun.name, help=noun.help)
    return root


def _demo() -> Callable[..., None]:
    from app.demo.cli import demo

    return demo


def serve(
    data_dir: DataDir = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of pages and API.")] = 8080,
    otlp_http_port: Annotated[int, typer.Option(min=0, max=65535, help="OTLP over HTTP.")] = 4318,
    otlp_grpc_port: Annotated[int, typer.Option(min=0, max=65535, help="OTLP over gRPC.")] = 4317,
) -> None:
    """Run the service: the door (HTTP, OTLP) and the engine (everything else)."""
    from app.door import serve as serve_door
    from app.stores import settings_for

    serve_door(
        settings_for(data_dir),
        host=host,
        port=port,
        otlp_http_port=otlp_http_port,
        otlp_grpc_port=otlp_grpc_port,
    )


def doctor(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Say what is configured, what is missing, and the next step."""
    from app.doctor import examine, render
    from app.stores import settings_for
    from kernel.clock import SystemClock

    findings = examine(settings_for(data_dir), SystemClock())
    healthy = all(finding.state != "bad" for finding in findings)
    document = {"healthy": healthy, "findings": [asdict(finding) for finding in findings]}
    emit(document, as_json, render)
    raise typer.Exit(0 if healthy else EXIT_BAD)


def probe(url: ServerUrl = None, as_json: AsJson = False) -> None:
    """Ask the service whether it can accept events (for health checks)."""
    from kernel.api_client import ApiClient
    from kernel.settings import KernelSettings

    client = ApiClient(url or KernelSettings().public_url, "", timeout_s=3.0)
    try:
        document = client.get("/readyz")
    finally:
        client.close()
    emit(document, as_json, lambda _: "ready")


def _report(error: TillwatchError, *, as_json: bool) -> int:
    if as_json:
        document = {"code": error.code, "message": error.message, "hint": error.hint}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        note(f"{error.message}" + (f"\n-> {error.hint}" if error.hint else ""))
    return error.exit_code


def _settings_error(error: ValidationError) -> NotConfigured:
    first = error.errors(include_input=False)[0]
    name = "_".join(["TILLWATCH", *map(str, first["loc"])]).upper()
    return NotConfigured(f"{name}: {first['msg']}", hint="see .env.example")


def _our_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """The last resort of the process: exit code 70, never 1, for what nobody expected."""
    if issubclass(kind, KeyboardInterrupt):
        os._exit(130)
    traceback.print_exception(kind, error, trace)
    note("this is a fault of Tillwatch; please report the lines above")
    sys.stdout.flush()
    os._exit(EXIT_OUR_BUG)
