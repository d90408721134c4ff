"""`GET /api/counts`: what was sent on a day, and what became of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends

from access.principal import READERS, Principal, Role
from access.service import AccessService
from collector.counts.service import CountService


def build_router(counts: CountService, access: AccessService) -> APIRouter:
    """One route. Senders see what they sent themselves, people see all."""
    router = APIRouter()
    may_ask = access.guard.require(Role.INGEST, *READERS)

    @router.get("/api/counts")
    def get_counts(
        day: str = "", source: str = "", sender: str = "", asker: Principal = Depends(may_ask)
    ) -> dict[str, Any]:
        whose = sender if asker.has(*READERS) else asker.name
        return counts.show(day=day, source=source, sender=whose)

    return router
