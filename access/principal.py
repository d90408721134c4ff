"""Who is asking: the outcome of authentication, and what they may do."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from audit.entries import Actor

Kind = Literal["person", "machine"]
Method = Literal["token", "session", "slack", "local"]


class Role(StrEnum):
    """What somebody may do. Deny by default; a person may hold several."""

    INGEST = "ingest"
    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    OWNER = "owner"
    AUDITOR = "auditor"
    ADMIN = "admin"


# Everybody who may look: all roles but the machines' own.
READERS = (
    Role.VIEWER,
    Role.RESPONDER,
    Role.APPROVER,
    Role.OWNER,
    Role.AUDITOR,
    Role.ADMIN,
)
_ADMIN_IS_ALSO = frozenset({Role.VIEWER, Role.AUDITOR})


@dataclass(frozen=True)
class Principal:
    """An authenticated person or machine. `session` names the login or token in the audit."""

    person_id: str
    name: str
    kind: Kind
    roles: frozenset[Role]
    method: Method
    session: str = ""

    def has(self, *roles: Role) -> bool:
        """True where any of the roles is held.

        An admin is also viewer and auditor, but never approver or owner: those that allow
        actions are given explicitly.
        """
        held = self.roles | _ADMIN_IS_ALSO if Role.ADMIN in self.roles else self.roles
        return any(role in held for role in roles)

    def actor(self) -> Actor:
        """How the audit names this principal (an id, never a name)."""
        kind: Literal["human", "service"] = "human" if self.kind == "person" else "service"
        return Actor(kind=kind, ref=self.person_id, auth=self.method, session=self.session)


def local_principal() -> Principal:
    """Whoever runs a command on the machine that holds the stores: reads all, decides nothing."""
    user = getpass.getuser()
    roles = frozenset({Role.VIEWER, Role.AUDITOR, Role.ADMIN})
    return Principal(f"local:{user}", user, "person", roles, "local")
