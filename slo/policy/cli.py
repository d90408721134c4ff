"""`tillwatch slo gate` and `slo policy`: may a change go out, and what people said about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from kernel.api_client import ApiClient, open_client
from kernel.errors import BadInput
from kernel.terminal import AsJson, DataDir, ServerUrl, emit, plain, render_table
from slo.catalogue import Catalogue
from slo.policy.catalogue import SHIPPED, load_policies, read_policy_files
from slo.policy.rules import ChangeKind
from slo.policy.service import PolicyService, change_kind_of
from slo.policy.settings import PolicySettings
from slo.settings import SloSettings

Opener = Callable[[Path | None], AbstractContextManager[PolicyService]]
_UNITS_H = {"h": 1, "d": 24}


def build_gate_cli(opener: Opener) -> typer.Typer:
    """`slo gate` itself, and its subcommands."""
    cli = typer.Typer(help="May a change go out?")

    @cli.callback(invoke_without_command=True)
    def gate(
        context: typer.Context,
        service: Annotated[str, typer.Option(help="Service that the change is made to.")] = "",
        change_kind: Annotated[
            str, typer.Option("--change-kind", help="feature, fix, p0 or security.")
        ] = ChangeKind.FEATURE.value,
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Ask whether a change may go out: exit 0 yes, 1 no (also where nobody can say).

        Asks the service at --url (with TILLWATCH_TOKEN, for pipelines); else reads the stores.
        """
        if context.invoked_subcommand is not None:
            return
        if not service:
            raise BadInput("which service?", path="--service", hint="name it with --service")
        change = change_kind_of(change_kind)
        document = _asked(opener, service, change, url, data_dir)
        emit(document, as_json, _render_gate)
        raise typer.Exit(0 if document["allowed"] is True else 1)

    _add_overrides(cli, opener)
    return cli


def build_policy_cli(opener: Opener) -> typer.Typer:
    """`slo policy validate|show`."""
    cli = typer.Typer(help="The error budget policy.", no_args_is_help=True)

    @cli.command()
    def validate(
        paths: Annotated[
            list[Path] | None,
            typer.Argument(help="Files or a folder (TILLWATCH_POLICY_DIR, else the shipped one)."),
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """Check policy files; shows every fault with its place. Exits 1 where there is one."""
        objectives = Catalogue.load(SloSettings().slo_dir)
        given = paths or [PolicySettings().policy_dir or SHIPPED]
        if len(given) == 1 and given[0].is_dir():
            found = load_policies(given[0], objectives)
        else:
            found = read_policy_files(given, objectives)
        document = {
            "policies": [one.name for one in found.policies],
            "problems": [one.as_dict() for one in found.problems],
        }
        emit(document, as_json, _render_validation)
        raise typer.Exit(0 if found.usable else 1)

    @cli.command()
    def show(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """Show the state of every service and what a deploy would be told now."""
        with opener(data_dir) as policy:
            document = policy.all().model_dump(mode="json")
        emit(document, as_json, _render_policy)

    return cli


def _add_overrides(cli: typer.Typer, opener: Opener) -> None:
    @cli.command()
    def override(
        service: Annotated[str, typer.Option(help="Service whose changes may pass.")],
        reason: Annotated[str, typer.Option(help="Why; it is recorded and shown.")],
        lasts: Annotated[str, typer.Option("--for", help="How long: 4h, 2d; at most 7d.")] = "4h",
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Let changes of a service pass for a while, whatever the rules say (owners only)."""
        said = {"service": service, "reason": reason, "hours": _hours(lasts)}
        with _client(url, data_dir) as client:
            emit(client.post("/api/gate/overrides", said), as_json, _render_override)

    @cli.command()
    def overrides(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """List overrides, newest first."""
        with opener(data_dir) as policy:
            rows = [one.model_dump(mode="json") for one in policy.overrides()]
        emit({"overrides": rows}, as_json, _render_overrides)

    @cli.command()
    def revoke(
        override_id: Annotated[str, typer.Argument(help="The id that `overrides` shows.")],
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """End an override now (owners only)."""
        path = f"/api/gate/overrides/{quote(override_id, safe='')}/revocation"
        with _client(url, data_dir) as client:
            emit(client.post(path, {}), as_json, _render_override)

    @cli.command()
    def postmortem(
        incident: Annotated[str, typer.Argument(help="The incident: INC-7.")],
        link: Annotated[str, typer.Option(help="Where the postmortem can be read.")],
        url: ServerUrl = None,
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Say that the postmortem of an incident is written."""
        with _client(url, data_dir) as client:
            path = f"/api/postmortems/{quote(incident, safe='')}"
            document = client.post(path, {"link": link})
        emit(document, as_json, lambda one: plain(f"{one['incident']}: {one['link']}"))


def _asked(
    opener: Opener, service: str, change: ChangeKind, url: str | None, data_dir: Path | None
) -> dict[str, Any]:
    """Over HTTP where an address or a token was given and no folder, else from the stores."""
    over_http = url is not None or (data_dir is None and bool(os.environ.get("TILLWATCH_TOKEN")))
    if over_http:
        with _client(url, data_dir) as client:
            found: dict[str, Any] = client.get(
                "/api/gate", service=service, change_kind=change.value
            )
            return found
    with opener(data_dir) as policy:
        return policy.gate(service, change.value).model_dump(mode="json")


def _hours(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or len(number) > 4 or unit not in _UNITS_H:
        raise BadInput(f"not a length of time: {text[:20]!r}", path="--for", hint="such as 4h, 2d")
    return int(number) * _UNITS_H[unit]


@contextmanager
def _client(url: str | None, data_dir: Path | None) -> Iterator[ApiClient]:
    client = open_client(url, data_dir)
    try:
        yield client
    finally:
        client.close()


def _render_gate(document: dict[str, Any]) -> str:
    lines = [plain(f"{document['outcome']}: {document['sentence']}")]
    lines += [plain(f"  why: {one}") for one in document["reasons"]]
    lines += [plain(f"  condition: {one}") for one in document["conditions"]]
    if document["override"]:
        given = document["override"]
        lines.append(plain(f"  override {given['id']} by {given['by']}: {given['reason']}"))
    return "\n".join(lines)


def _render_validation(document: dict[str, Any]) -> str:
    lines = [
        plain(f"{one['path']}: {one['reason']}" + (f" (found {one['value']})" * bool(one["value"])))
        for one in document["problems"]
    ]
    count, faults = len(document["policies"]), len(lines)
    good = f"{count} {'policy' if count == 1 else 'policies'} good"
    lines.append(
        f"{faults} fault{'' if faults == 1 else 's'}: no policy counts" if faults else good
    )
    return "\n".join(lines)


def _render_policy(document: dict[str, Any]) -> str:
    rows = [[one["service"], one["state"], one["gate"]["sentence"]] for one in document["services"]]
    lines = [render_table(["service", "state", "a new feature now"], rows)]
    lines += [plain(f"{one['path']}: {one['reason']}") for one in document["problems"]]
    missing = {
        f"{one['incident']} ({one['name']}): postmortem missing"
        for service in document["services"]
        for one in service["postmortems"]
        if not one["link"]
    }
    return "\n".join([*lines, *map(plain, sorted(missing))])


def _render_override(one: dict[str, Any]) -> str:
    return plain(f"{one['id']} {one['state']}: {one['service']} until {one['expires_at']}")


def _render_overrides(document: dict[str, Any]) -> str:
    rows = [
        [one["id"], one["service"], one["state"], one["by"], one["expires_at"], one["reason"]]
        for one in document["overrides"]
    ]
    return render_table(["id", "service", "state", "by", "until", "reason"], rows)
