"""Access: who is asking, who may decide, and every change of that in the audit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from access import repository
from access.directory import Directory
from access.models import LoginSessionRow, PersonRow, TokenRow
from access.principal import Principal, Role
from access.refusal_log import RefusalLog
from access.secrets_text import csrf_of, hash_of, is_token, new_cookie, same
from access.settings import AccessSettings
from access.token_copy import KnownToken, principal_of
from audit.entries import Actor, Entry
from audit.log import AuditLog
from kernel.clock import HOUR_US, Clock
from kernel.database import Database
from kernel.errors import NotAuthenticated
from kernel.ids import uuid7

if TYPE_CHECKING:
    from access.guards import Guard


class AccessService(Directory):
    """Authentication, people, tokens and sessions."""

    def __init__(
        self, database: Database, audit_log: AuditLog, clock: Clock, settings: AccessSettings
    ) -> None:
        super().__init__(database, audit_log, clock)
        self._settings = settings
        limit = settings.refusals_recorded_per_minute
        self._failures = RefusalLog("authn", database, audit_log, clock, limit=limit)
        self._denials = RefusalLog("authz", database, audit_log, clock, limit=limit)

    @property
    def guard(self) -> Guard:
        """The FastAPI guards of this service."""
        from access.guards import Guard

        return Guard(self)

    # --- who is asking ---------------------------------------------------------------------

    def known_bearer(self, token: str) -> Principal | None:
        """The token's holder if a fresh copy knows it; touches no disk, records nothing."""
        return self._holder(self._copy.peek(hash_of(token))) if is_token(token) else None

    def authenticate_bearer(self, token: str) -> Principal:
        """The token's holder. Raises NotAuthenticated, or Unavailable when nobody can know."""
        if not is_token(token):
            self._refuse("token", "malformed")
            raise NotAuthenticated(
                "this is not a Tillwatch token",
                hint="send `Authorization: Bearer tw_...`; make one by `tillwatch token create`",
            )
        token_hash = hash_of(token)
        known = self._copy.find(token_hash)
        principal = self._holder(known)
        if known is None or principal is None or not same(known.hash, token_hash):
            self._refuse("token", "unknown, expired or revoked")
            raise NotAuthenticated(
                "the token is unknown, expired or revoked",
                hint="make a new one by `tillwatch token create`",
            )
        return principal

    def login(self, token: str) -> str:
        """Start a browser session for a person's token; returns the cookie's value."""
        principal = self.authenticate_bearer(token.strip())
        if principal.kind != "person":
            self._refuse("login", "machine token")
            raise NotAuthenticated(
                "a machine's token opens no session", hint="log in with a person's token"
            )
        cookie = new_cookie()
        now_us = self._clock.now_us()
        row = LoginSessionRow(
            hash=hash_of(cookie),
            id=uuid7(self._clock),
            person_id=principal.person_id,
            token_id=principal.session,
            created_us=now_us,
            expires_us=now_us + self._settings.session_hours * HOUR_US,
        )
        with self._database.unit_of_work() as session:
            repository.delete_sessions_expired_before(session, now_us)
            session.add(row)
            self._record(session, "authn.login", principal.actor(), ("session", row.id))
        return cookie

    def principal_of_session(self, cookie: str) -> Principal:
        """Whose session this is. Raises NotAuthenticated where it is unknown or over."""
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            found = repository.login_session(session, hash_of(cookie))
            if found and _alive(found, now_us):
                row, _, person = found
                return principal_of(person, "session", row.id)
        raise NotAuthenticated("the session is over", hint="log in again")

    def logout(self, cookie: str) -> None:
        """End a session; ending one that is over already changes nothing."""
        with self._database.unit_of_work() as session:
            found = repository.login_session(session, hash_of(cookie))
            if not found or found[0].ended_us is not None:
                return
            row, _, person = found
            row.ended_us = self._clock.now_us()
            session.add(row)
            actor = principal_of(person, "session", row.id).actor()
            self._record(session, "authn.logout", actor, ("session", row.id))

    @staticmethod
    def csrf_token(cookie: str) -> str:
        """What forms of this session carry in the field `csrf`."""
        return csrf_of(cookie)

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None:
        """The person behind a Slack user; None where nobody was linked to it."""
        with self._database.reading() as session:
            row = repository.person_of_slack(session, team_id, user_id)
            if row is None or row.disabled_us is not None:
                return None
            return principal_of(row, "slack", "")

    # --- upkeep and refusals ---------------------------------------------------------------

    def upkeep(self) -> None:
        """Refresh the token copy and record finished counts of refusals. Every second or two."""
        self._copy.refresh()
        self._failures.flush()
        self._denials.flush()

    def denied(self, principal: Principal, what: str, needed: Iterable[Role]) -> None:
        """Record that somebody asked for what they may not have (bounded per minute)."""
        self._denials.refused(
            Entry(
                type="authz.denied",
                actor=principal.actor(),
                subject_kind="route",
                subject_ref=what[:200],
                outcome="denied",
                data={"needed": sorted(needed)},
            )
        )

    def _refuse(self, method: Literal["token", "login"], reason: str) -> None:
        self._failures.refused(
            Entry(
                type="authn.failed",
                actor=Actor(kind="system", ref="unknown"),
                subject_kind="authentication",
                subject_ref=method,
                outcome="denied",
                data={"reason": reason},
            )
        )

    def _holder(self, known: KnownToken | None) -> Principal | None:
        if known is None:
            return None
        expired = known.expires_us is not None and known.expires_us <= self._clock.now_us()
        return None if expired else known.principal


def _alive(found: tuple[LoginSessionRow, TokenRow, PersonRow], now_us: int) -> bool:
    row, token, person = found
    token_over = token.expires_us is not None and token.expires_us <= now_us
    return (
        row.ended_us is None
        and row.expires_us > now_us
        and token.revoked_us is None
        and not token_over
        and person.disabled_us is None
    )
