"""Who may send telemetry."""

from __future__ import annotations

from access.principal import Principal, Role
from collector.ports import BearerAuthenticator
from kernel.errors import NotAllowed, NotAuthenticated

INGEST_ROLES = (Role.INGEST, Role.ADMIN)


def known(authenticator: BearerAuthenticator, authorization: str) -> Principal | None:
    """The same as `authenticate`, at once; None where the database has to be asked."""
    sender = authenticator.known_bearer(_token(authorization))
    return sender and _allowed(sender)


def authenticate(authenticator: BearerAuthenticator, authorization: str) -> Principal:
    """The holder of the bearer token. Raises NotAuthenticated or NotAllowed."""
    return _allowed(authenticator.authenticate_bearer(_token(authorization)))


def _token(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated(
            "a bearer token is needed", hint="send the header Authorization: Bearer <token>"
        )
    return token.strip()


def _allowed(sender: Principal) -> Principal:
    if not sender.has(*INGEST_ROLES):
        raise NotAllowed(
            f"{sender.name} may not send telemetry", hint="use a token with the role ingest"
        )
    return sender
