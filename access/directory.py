"""People and tokens: every change in the audit, in its own transaction."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sqlmodel import Session

from access import repository
from access.models import AuthorIdentityRow, PersonRow, SlackIdentityRow, TokenRow
from access.principal import Kind, Principal, Role
from access.secrets_text import hash_of, new_token
from access.token_copy import TokenCopy, principal_of
from audit.entries import Actor, Entry
from audit.log import AuditLog
from kernel.clock import Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, Conflict, NotFound
from kernel.ids import uuid7

_SYSTEM = Actor(kind="system", ref="access")
_MAX_NAME_CHARS = 80
_MAX_AUTHOR_CHARS = 200
_Row = TypeVar("_Row")


class Directory:
    """Who there is and which tokens they hold."""

    def __init__(self, database: Database, audit_log: AuditLog, clock: Clock) -> None:
        self._database = database
        self._audit_log = audit_log
        self._clock = clock
        self._copy = TokenCopy(database, clock)

    # --- people ----------------------------------------------------------------------------

    def create_person(
        self,
        name: str,
        roles: Iterable[Role],
        *,
        kind: Kind = "person",
        slack: tuple[str, str] | None = None,
        by: Principal | None = None,
    ) -> str:
        """A new person or machine; returns the id. `slack` = (team id, user id)."""
        with self._database.unit_of_work() as session:
            row = self._add_person(session, name, roles, kind, by)
            if slack:
                self._link_slack(session, row.id, slack)
            return row.id

    def set_roles(self, person_id: str, roles: Iterable[Role], *, by: Principal) -> None:
        """Give a person exactly these roles."""
        with self._database.unit_of_work() as session:
            row = _found(repository.person(session, person_id), "person", person_id)
            before, after = list(row.roles), _checked_roles(roles, row.kind)
            row.roles = after
            session.add(row)
            data = {"before": before, "after": after}
            self._record(session, "role.changed", by.actor(), ("person", person_id), data)
        self._copy.refresh()

    def link_slack(self, person_id: str, team_id: str, user_id: str, *, by: Principal) -> None:
        """Say which Slack user a person is."""
        with self._database.unit_of_work() as session:
            _found(repository.person(session, person_id), "person", person_id)
            self._link_slack(session, person_id, (team_id, user_id))
            data: dict[str, Any] = {"linked": "slack"}
            self._record(session, "config.changed", by.actor(), ("person", person_id), data)

    def link_author(self, person_id: str, author: str, *, by: Principal) -> None:
        """Say by which name the sources of changes know a person; there may be several."""
        author = author.strip()
        if not 0 < len(author) <= _MAX_AUTHOR_CHARS or not author.isprintable():
            raise BadInput(
                f"an author has 1 to {_MAX_AUTHOR_CHARS} printable characters", path="author"
            )
        with self._database.unit_of_work() as session:
            row = _found(repository.person(session, person_id), "person", person_id)
            taken = session.get(AuthorIdentityRow, author.lower())
            if taken is not None and taken.person_id != person_id:
                raise Conflict("that author is linked to somebody else already")
            if row.kind != "person":
                raise BadInput("a machine makes no change of its own", path="person")
            if taken is None:
                session.add(AuthorIdentityRow(author=author.lower(), person_id=person_id))
            data: dict[str, Any] = {"linked": "author"}
            self._record(session, "config.changed", by.actor(), ("person", person_id), data)

    def person_id_of(self, name: str) -> str | None:
        """The id behind a name."""
        with self._database.reading() as session:
            row = repository.person_named(session, name)
            return row.id if row else None

    def person_id_of_author(self, author: str) -> str:
        """The person whom a change's source calls so; "" where nobody is known by that name."""
        with self._database.reading() as session:
            named = repository.person_of_author(session, author.strip())
            return named.id if named is not None and named.kind == "person" else ""

    def responder(self, person: str, roles: Collection[Role]) -> Principal | None:
        """The person of this id or name who holds one of the roles; None where there is none."""
        with self._database.reading() as session:
            row = repository.person(session, person) or repository.person_named(session, person)
            if row is None or row.disabled_us is not None or row.kind != "person":
                return None
            found = principal_of(row, "session", "")
            return found if found.has(*roles) else None

    def responders(self, roles: Collection[Role]) -> list[tuple[str, str]]:
        """(id, name) of all people who hold one of the roles, by name."""
        with self._database.reading() as session:
            return [
                (row.id, row.name)
                for row in repository.people(session)
                if row.kind == "person" and _held(row) & frozenset(roles)
            ]

    def roles_of(self, person_id: str) -> frozenset[Role]:
        """The roles a person holds; none where nobody has that id, or who has it is disabled."""
        with self._database.reading() as session:
            row = repository.person(session, person_id)
            return _held(row)

    def name_of(self, person_id: str) -> str:
        """A person's name; an unknown or outside id stands for itself."""
        with self._database.reading() as session:
            row = repository.person(session, person_id)
            return row.name if row else person_id

    # --- tokens ----------------------------------------------------------------------------

    def create_token(
        self,
        person_id: str,
        *,
        label: str = "",
        expires_us: int | None = None,
        by: Principal | None = None,
    ) -> str:
        """A new token. This is the only time its text exists: hand it on, do not log it."""
        text = new_token()
        with self._database.unit_of_work() as session:
            _found(repository.person(session, person_id), "person", person_id)
            self._add_token(session, person_id, text, label, expires_us, by)
        self._copy.refresh()
        return text

    def revoke_token(self, token_id: str, *, by: Principal | None = None) -> None:
        """End a token and the sessions opened with it. Known everywhere within two seconds."""
        with self._database.unit_of_work() as session:
            row = _found(repository.token(session, token_id), "token", token_id)
            if row.revoked_us is not None:
                raise Conflict(f"the token {token_id} is revoked already")
            row.revoked_us = self._clock.now_us()
            session.add(row)
            data = {"person_id": row.person_id}
            actor = by.actor() if by else _SYSTEM
            self._record(session, "token.revoked", actor, ("token", token_id), data)
        self._copy.refresh()

    def tokens(self) -> list[dict[str, Any]]:
        """All tokens for people to see: no hash, no text."""
        with self._database.reading() as session:
            return [
                {
                    "id": token.id,
                    "person": person.name,
                    "kind": person.kind,
                    "roles": list(person.roles),
                    "label": token.label,
                    "created_us": token.created_us,
                    "expires_us": token.expires_us,
                    "revoked_us": token.revoked_us,
                }
                for token, person in repository.tokens(session)
            ]

    def ensure_admin(self, data_dir: Path) -> Path:
        """First start: make the person `admin` and write `admin.token` (0600). Else do nothing.

        The file is written before the rows: a crash in between leaves a token that opens nothing,
        and the next start writes a new one.
        """
        path = data_dir / "admin.token"
        if self.person_id_of("admin") is not None:
            return path
        text = new_token()
        _write_secret(path, text)
        with self._database.unit_of_work() as session:
            if repository.person_named(session, "admin") is None:
                row = self._add_person(session, "admin", list(Role), "person", None)
                self._add_token(session, row.id, text, "first start", None, None)
        self._copy.refresh()
        return path

    def _add_person(
        self,
        session: Session,
        name: str,
        roles: Iterable[Role],
        kind: Kind,
        by: Principal | None,
    ) -> PersonRow:
        name = name.strip()
        if not 0 < len(name) <= _MAX_NAME_CHARS or not name.isprintable():
            raise BadInput(f"a name has 1 to {_MAX_NAME_CHARS} printable characters", path="name")
        if repository.person_named(session, name) is not None:
            raise Conflict(f"there is somebody named {name!r} already", hint="choose another name")
        row = PersonRow(
            id=uuid7(self._clock),
            name=name,
            kind=kind,
            roles=_checked_roles(roles, kind),
            created_us=self._clock.now_us(),
        )
        session.add(row)
        session.flush()
        data = {"kind": kind, "roles": row.roles}
        actor = by.actor() if by else _SYSTEM
        self._record(session, "person.created", actor, ("person", row.id), data)
        return row

    def _add_token(
        self,
        session: Session,
        person_id: str,
        text: str,
        label: str,
        expires_us: int | None,
        by: Principal | None,
    ) -> None:
        row = TokenRow(
            id=uuid7(self._clock),
            person_id=person_id,
            hash=hash_of(text),
            label=label[:_MAX_NAME_CHARS],
            created_us=self._clock.now_us(),
            expires_us=expires_us,
        )
        session.add(row)
        data = {"person_id": person_id}
        if expires_us is not None:
            data["expires_at"] = rfc3339(expires_us)
        actor = by.actor() if by else _SYSTEM
        self._record(session, "token.created", actor, ("token", row.id), data)

    @staticmethod
    def _link_slack(session: Session, person_id: str, slack: tuple[str, str]) -> None:
        team_id, user_id = slack
        taken = session.get(SlackIdentityRow, (team_id, user_id))
        if taken is not None and taken.person_id != person_id:
            raise Conflict("that Slack user is linked to somebody else already")
        old = repository.slack_identity_of(session, person_id)
        if old is not None:
            session.delete(old)
            session.flush()
        session.add(SlackIdentityRow(team_id=team_id, user_id=user_id, person_id=person_id))

    def _record(
        self,
        session: Session,
        kind: str,
        actor: Actor,
        subject: tuple[str, str],
        data: Mapping[str, Any] | None = None,
    ) -> None:
        entry = Entry(
            type=kind,
            actor=actor,
            subject_kind=subject[0],
            subject_ref=subject[1],
            data=dict(data or {}),
        )
        self._audit_log.record(session, entry)


def _held(row: PersonRow | None) -> frozenset[Role]:
    if row is None or row.disabled_us is not None:
        return frozenset()
    return frozenset(Role(role) for role in row.roles)


def _checked_roles(roles: Iterable[Role], kind: str) -> list[str]:
    names = sorted({Role(role).value for role in roles})
    deciding = {Role.APPROVER, Role.OWNER, Role.ADMIN} & {Role(name) for name in names}
    if kind == "machine" and deciding:
        raise BadInput(
            f"a machine cannot be {', '.join(sorted(deciding))}: only persons decide",
            path="roles",
        )
    return names


def _found(row: _Row | None, what: str, ref: str) -> _Row:
    if row is None:
        raise NotFound(f"there is no {what} {ref!r}", hint=f"see `tillwatch {what} list`")
    return row


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
