"""The handshake before a webhook's first delivery (CloudEvents HTTP webhooks, section 4).

Whoever registers our address with a sender of theirs is told by us whether we want that at all.
"""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"


@dataclass(frozen=True)
class Handshake:
    """`origins`: DNS names of senders that may deliver, `*` for all; no rate: no limit is told."""

    origins: frozenset[str] = frozenset()
    rate_per_min: int | None = None

    def permission(self, origin: str) -> dict[str, str] | None:
        """Headers that permit this origin to deliver; None where it may not."""
        if not origin or not self.origins & {ANY, origin.lower()}:
            return None
        return {
            "Allow": "GET, POST",
            "WebHook-Allowed-Origin": ANY if ANY in self.origins else origin,
            "WebHook-Allowed-Rate": ANY if self.rate_per_min is None else str(self.rate_per_min),
        }
