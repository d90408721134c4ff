"""Cross-origin requests of browsers that send telemetry themselves (CORS, Fetch standard 3.2).

Origins are listed one by one, and none is by default. No answer allows `*` or credentials: the
token travels in a header that the page itself sets.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kernel.errors import NotAllowed

_HEADERS = "authorization, content-type, content-encoding, traceparent, tracestate, baggage"
_ALLOWED = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": _HEADERS,
    "access-control-max-age": "600",
}
# What a page may read of the answer besides its body.
_EXPOSED = {"access-control-expose-headers": "retry-after, tillwatch-receipt"}


class Cors:
    """Knows the listed origins."""

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = frozenset(origins)

    def preflight(self, method: str, headers: Mapping[str, str]) -> dict[str, str] | None:
        """The headers that answer a preflight, or None where the request is none.

        Raises NotAllowed for an origin that is not listed.
        """
        if method != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        origin = headers.get("origin", "")
        if origin not in self._origins:
            raise NotAllowed(
                f"the origin {origin[:80]!r} may not send telemetry",
                hint="list it in TILLWATCH_OTLP_CORS_ORIGINS",
            )
        return self._granted(origin) | _ALLOWED

    def answer(self, headers: Mapping[str, str]) -> dict[str, str]:
        """What any other answer carries, so that a page of a listed origin sees it."""
        origin = headers.get("origin", "")
        return self._granted(origin) | _EXPOSED if origin in self._origins else {}

    @staticmethod
    def _granted(origin: str) -> dict[str, str]:
        return {"access-control-allow-origin": origin, "vary": "origin"}
