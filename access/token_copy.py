"""The in-memory copy of token hashes: authentication goes on for an hour without the database."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from access import repository
from access.models import PersonRow
from access.principal import Kind, Method, Principal, Role
from kernel.clock import Clock
from kernel.database import Database
from kernel.errors import Unavailable

REFRESH_S = 2.0
USABLE_S = 3600.0
_AGAIN_FOR_UNKNOWN_S = 0.25


@dataclass(frozen=True)
class KnownToken:
    """Whom a token stands for, and until when."""

    principal: Principal
    hash: str
    expires_us: int | None


class TokenCopy:
    """Token hashes as the database had them at most two seconds ago (an hour, if it is away)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self._known: Mapping[str, KnownToken] = {}
        self._loaded_s: float | None = None
        self._tried_s: float | None = None

    def peek(self, token_hash: str) -> KnownToken | None:
        """Look into a fresh copy only; never touches the database."""
        return None if self._age_s() > REFRESH_S else self._known.get(token_hash)

    def find(self, token_hash: str) -> KnownToken | None:
        """Look the token up, refreshing where needed. Unavailable when the copy is too old."""
        if self._age_s() > REFRESH_S:
            self.refresh(at_most_every_s=REFRESH_S)
        if self._age_s() > USABLE_S:
            raise Unavailable(
                "tokens cannot be checked: the control database has been away for an hour",
                hint="see `tillwatch doctor`",
                retry_after_s=5,
            )
        found = self._known.get(token_hash)
        if found is None and self._age_s() > _AGAIN_FOR_UNKNOWN_S:
            self.refresh(at_most_every_s=_AGAIN_FOR_UNKNOWN_S)  # it may be brand new
            found = self._known.get(token_hash)
        return found

    def refresh(self, *, at_most_every_s: float = 0.0) -> bool:
        """Read the tokens anew; False where the database could not be read just now."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if self._tried_s is not None and now_s - self._tried_s < at_most_every_s:
                return True
            self._tried_s = now_s
            try:
                self._known = self._load()
            except SQLAlchemyError:
                return False
            self._loaded_s = now_s
            return True

    def _age_s(self) -> float:
        if self._loaded_s is None:
            return float("inf")
        return self._clock.monotonic_s() - self._loaded_s

    def _load(self) -> Mapping[str, KnownToken]:
        with self._database.reading() as session:
            return {
                token.hash: KnownToken(
                    principal_of(person, "token", token.id), token.hash, token.expires_us
                )
                for token, person in repository.valid_tokens(session)
            }


def principal_of(person: PersonRow, method: Method, session: str) -> Principal:
    """The principal of a person's row. `session`: the token's or login's id."""
    kind: Kind = "machine" if person.kind == "machine" else "person"
    roles = frozenset(Role(role) for role in person.roles)
    return Principal(person.id, person.name, kind, roles, method, session)
