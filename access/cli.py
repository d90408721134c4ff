"""`tillwatch token ...` and `person link-slack|link-author`, as the local user on the stores."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from access.principal import Kind, Role, local_principal
from access.service import AccessService
from kernel.clock import DAY_US, SystemClock, rfc3339
from kernel.errors import BadInput, Conflict, NotFound
from kernel.terminal import AsJson, DataDir, emit, render_table

Opener = Callable[[Path | None], AbstractContextManager[AccessService]]


def build_cli(opener: Opener) -> typer.Typer:
    """The `token` commands; `opener(data_dir)` gives the service with its stores open."""
    cli = typer.Typer(help="Tokens of people and machines.", no_args_is_help=True)

    @cli.command()
    def create(
        person: Annotated[str, typer.Option(help="Who it is for; made anew with --role.")],
        role: Annotated[list[Role] | None, typer.Option(help="Roles of a new person.")] = None,
        machine: Annotated[bool, typer.Option("--machine", help="A machine's token.")] = False,
        days: Annotated[int | None, typer.Option(min=1, help="Ends after so many days.")] = None,
        label: Annotated[str, typer.Option(help="What it is used for.")] = "",
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Make a token and print it, this once."""
        clock = SystemClock()
        expires_us = clock.now_us() + days * DAY_US if days else None
        with opener(data_dir) as access:
            person_id = _person(access, person, role or [], machine=machine)
            token = access.create_token(
                person_id, label=label, expires_us=expires_us, by=local_principal()
            )
        emit({"person": person, "token": token}, as_json, lambda document: str(document["token"]))

    @cli.command("list")
    def list_(data_dir: DataDir = None, as_json: AsJson = False) -> None:
        """Show all tokens (never their text)."""
        with opener(data_dir) as access:
            rows = [_shown(row) for row in access.tokens()]
        emit({"tokens": rows}, as_json, _render)

    @cli.command()
    def revoke(
        token_id: Annotated[str, typer.Argument(help="The id that `token list` shows.")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """End a token and every session opened with it, within two seconds."""
        with opener(data_dir) as access:
            access.revoke_token(token_id, by=local_principal())
        emit({"revoked": token_id}, as_json, lambda _: f"revoked {token_id}")

    return cli


def build_person_cli(opener: Opener) -> typer.Typer:
    """The `person` commands."""
    cli = typer.Typer(help="Who people are elsewhere.", no_args_is_help=True)

    @cli.command("link-author")
    def link_author(
        person: Annotated[str, typer.Option(help="The name that `token create` was given.")],
        author: Annotated[str, typer.Option(help="Their name in commits and deploys.")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Say by which name changes know a person: who made one cannot allow it alone."""
        with opener(data_dir) as access:
            access.link_author(_known(access, person), author, by=local_principal())
        document = {"person": person, "author": author}
        emit(document, as_json, lambda _: f"{author} is {person}")

    @cli.command("link-slack")
    def link_slack(
        person: Annotated[str, typer.Option(help="The name that `token create` was given.")],
        team: Annotated[str, typer.Option(help="Slack's id of the workspace (T...).")],
        user: Annotated[str, typer.Option(help="Slack's id of the user (U...).")],
        data_dir: DataDir = None,
        as_json: AsJson = False,
    ) -> None:
        """Say which Slack user a person is: only clicks of linked people count."""
        with opener(data_dir) as access:
            access.link_slack(_known(access, person), team, user, by=local_principal())
        document = {"person": person, "team": team, "user": user}
        emit(document, as_json, lambda _: f"{person} is {user} of {team}")

    return cli


def _known(access: AccessService, name: str) -> str:
    person_id = access.person_id_of(name)
    if person_id is None:
        raise NotFound(
            f"there is nobody named {name!r}",
            hint="make them with `tillwatch token create --person NAME --role responder`",
        )
    return person_id


def _person(access: AccessService, name: str, roles: list[Role], *, machine: bool) -> str:
    found = access.person_id_of(name)
    if found is None and not roles:
        raise BadInput(
            f"there is nobody named {name!r}", path="--role", hint="give --role to make them"
        )
    if found is not None and roles and set(roles) != access.roles_of(found):
        raise Conflict(
            f"{name!r} exists already with other roles", hint="leave --role out to add a token"
        )
    kind: Kind = "machine" if machine else "person"
    return found or access.create_person(name, roles, kind=kind, by=local_principal())


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    times = {
        name: rfc3339(row[f"{name}_us"]) if row[f"{name}_us"] else None
        for name in ("created", "expires", "revoked")
    }
    return {name: value for name, value in row.items() if not name.endswith("_us")} | times


def _render(document: dict[str, Any]) -> str:
    rows = [
        [
            row["id"],
            row["person"],
            row["kind"],
            ",".join(row["roles"]),
            "revoked" if row["revoked"] else row["expires"] or "no end",
            row["label"],
        ]
        for row in document["tokens"]
    ]
    return render_table(["id", "person", "kind", "roles", "until", "label"], rows)
