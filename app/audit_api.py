"""`GET /api/audit`: the action log over HTTP, for auditors' tools. The proof is `audit verify`."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Query

from access.guards import Guard
from access.principal import READERS
from audit.log import AuditLog

_MAX_PAGE = 500


def build_router(audit_log: AuditLog, guard: Guard) -> APIRouter:
    """One route: records newest first; `before` is the smallest `seq` of the page before."""
    router = APIRouter()

    @router.get("/api/audit", dependencies=[Depends(guard.require(*READERS))])
    def records(
        incident: str = "",
        type: str = "",  # noqa: A002 - the name of the query parameter
        actor: str = "",
        before: int | None = Query(default=None, ge=0, lt=1 << 63),
        limit: int = Query(default=100, ge=1, le=_MAX_PAGE),
    ) -> dict[str, Any]:
        """Records with what is signed of them, and the newest checkpoint."""
        found = audit_log.entries(
            incident=incident, type=type, actor=actor, before=before, limit=limit
        )
        checkpoint = audit_log.checkpoint()
        return {
            "records": [one.model_dump(mode="json", by_alias=True) for one in found],
            "checkpoint": checkpoint.model_dump(mode="json") if checkpoint else None,
        }

    return router
