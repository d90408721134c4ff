"""HTTP of triage: the receiver of alerts, and incidents as JSON.

Alertmanager drops a notification for good on any 4xx, so the receiver answers 202 once the whole
post is on disk, whatever is in it, and 503 where it cannot be stored. 401 and 413 are all that is
refused; both are counted, kept and shown to people.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from access.principal import READERS, Principal, Role
from access.service import AccessService
from collector.redaction import Redactor
from kernel.errors import NotAllowed, NotAuthenticated, TillwatchError, TooLarge, Unavailable
from kernel.journal import Append, Appended, Item, JournalWriter, Stream
from kernel.observability import get_logger
from triage.acts.endpoints import build_router as build_acts_router
from triage.alertmanager import SOURCE
from triage.post_redaction import redact
from triage.schemas import AlertHealthOut, IncidentOut, TimelineOut
from triage.service import IncidentService

MAX_BODY = 16 * 1024**2
_STORE_WITHIN_S = 5.0
_RETRY_AFTER_S = 2
_log = get_logger("triage.alerts")


def build_router(
    incidents: IncidentService, journal: JournalWriter, access: AccessService, redactor: Redactor
) -> APIRouter:
    """All routes of triage but Slack's."""
    router = APIRouter()
    _alert_routes(router, incidents, journal, access, redactor)
    _incident_routes(router, incidents, access)
    router.include_router(build_acts_router(incidents, access))
    return router


def _alert_routes(
    router: APIRouter,
    incidents: IncidentService,
    journal: JournalWriter,
    access: AccessService,
    redactor: Redactor,
) -> None:
    allowed = access.guard.require(Role.INGEST, Role.ADMIN)

    @router.post("/webhooks/alertmanager", status_code=202)
    async def receive(request: Request) -> Response:
        try:
            await allowed(request)
            body = await _whole_body(request)
        except (NotAuthenticated, NotAllowed, TooLarge) as refusal:
            await run_in_threadpool(_keep_refusal, incidents, refusal, _peer(request))
            raise
        clean = await run_in_threadpool(redact, body, redactor)
        append = Append(
            stream=Stream.ALERT,
            source=SOURCE,
            format="alertmanager-v4",
            items=[Item(clean)],
            whole=True,
        )
        try:
            waiting = asyncio.wrap_future(journal.append(append))
            # Shielded: the writer owns its future; only our waiting may be given up.
            stored: Appended = await asyncio.wait_for(asyncio.shield(waiting), _STORE_WITHIN_S)
        except (Unavailable, TimeoutError) as error:
            _log.warning("alerts_not_stored", error=str(error))
            raise Unavailable(
                "the alerts could not be stored just now",
                hint="Alertmanager tries again by itself",
                retry_after_s=_RETRY_AFTER_S,
            ) from error
        return JSONResponse({"receipt": stored.receipt}, status_code=202)

    @router.get("/api/alerts/health")
    def health(_: Principal = Depends(access.guard.require(*READERS))) -> AlertHealthOut:
        return incidents.alert_health()


def _incident_routes(router: APIRouter, incidents: IncidentService, access: AccessService) -> None:
    reads = access.guard.require(*READERS)

    @router.get("/api/incidents")
    def listed(
        state: str | None = None,
        limit: int = Query(default=100, ge=1, le=200),
        _: Principal = Depends(reads),
    ) -> dict[str, Any]:
        found = incidents.list(state, limit)
        return {"incidents": [one.model_dump(mode="json", by_alias=True) for one in found]}

    @router.get("/api/incidents/{incident_id}")
    def shown(incident_id: str, _: Principal = Depends(reads)) -> IncidentOut:
        return incidents.show(incident_id)

    @router.get("/api/incidents/{incident_id}/timeline")
    def timeline(incident_id: str, _: Principal = Depends(reads)) -> list[TimelineOut]:
        return list(incidents.timeline(incident_id))


async def _whole_body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:18]) > MAX_BODY:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> TooLarge:
    return TooLarge(
        f"a post of alerts may have {MAX_BODY} bytes",
        hint="set max_alerts on the webhook receiver, or group by more labels",
    )


def _keep_refusal(incidents: IncidentService, refusal: TillwatchError, peer: str) -> None:
    """The refusal stands even where it cannot be written down."""
    try:
        incidents.refused_post(refusal.status, refusal.message, peer)
    except SQLAlchemyError as error:
        _log.error("refused_post_not_kept", status=refusal.status, error=str(error))


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""
