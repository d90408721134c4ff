"""What the collector needs from others, handed in by the composition root."""

from __future__ import annotations

from typing import Protocol

from access.principal import Principal


class BearerAuthenticator(Protocol):
    """`access.service.AccessService`, as far as OTLP looks."""

    def known_bearer(self, token: str) -> Principal | None:
        """The token's holder where that needs no look at the database."""

    def authenticate_bearer(self, token: str) -> Principal:
        """The token's holder. Raises NotAuthenticated."""
