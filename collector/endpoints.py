"""HTTP of the collector: intake of events and changes, receipts, and reads of what arrived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from access.principal import READERS, Principal, Role
from access.service import AccessService
from collector.acknowledge import durable
from collector.bodies import read_bounded
from collector.changes.intake import ChangeIntake
from collector.deadletters import DeadLetterService
from collector.deadletters.endpoints import build_router as deadletter_router
from collector.deadletters.replay import Replayer
from collector.events.intake import MAX_BODY_BYTES, EventIntake, Prepared
from collector.limits import LimitsService
from collector.queries import TelemetryQueries
from collector.receipts import ReceiptService
from kernel.journal import JournalWriter

Prepare = Callable[[bytes, Mapping[str, str], str], Prepared]


@dataclass(frozen=True)
class CollectorServices:
    """What the routes need; built once by the composition root."""

    writer: JournalWriter
    events: EventIntake
    changes: ChangeIntake
    queries: TelemetryQueries
    receipts: ReceiptService
    deadletters: DeadLetterService
    replayer: Replayer
    limits: LimitsService


def build_router(services: CollectorServices, access: AccessService) -> APIRouter:
    """All of `/api` that is about what arrives."""
    router = APIRouter()
    _intake_routes(router, services, access)
    _read_routes(router, services, access)
    router.include_router(deadletter_router(services.deadletters, services.replayer, access))
    return router


def _intake_routes(router: APIRouter, services: CollectorServices, access: AccessService) -> None:
    may_send = access.guard.require(Role.INGEST, Role.ADMIN)

    @router.post("/api/events", status_code=202)
    async def post_events(request: Request, sender: Principal = Depends(may_send)) -> JSONResponse:
        return await _take(request, services.writer, services.events.prepare, sender)

    @router.post("/api/changes", status_code=202)
    async def post_changes(request: Request, sender: Principal = Depends(may_send)) -> JSONResponse:
        return await _take(request, services.writer, services.changes.prepare, sender)


def _read_routes(router: APIRouter, services: CollectorServices, access: AccessService) -> None:
    may_read = Depends(access.guard.require(*READERS))
    may_ask = Depends(access.guard.require(Role.INGEST, *READERS))

    @router.get("/api/events", dependencies=[may_read])
    def get_events(
        type_: list[str] = Query(default=[], alias="type"), since: str = "", limit: int = 100
    ) -> dict[str, Any]:
        types = [name for one in type_ for name in one.split(",") if name]
        return {"events": services.queries.events(types=types, since=since, limit=limit)}

    @router.get("/api/changes", dependencies=[may_read])
    def get_changes(since: str = "7d", limit: int = 100) -> dict[str, Any]:
        return {"changes": services.queries.changes(since=since, limit=limit)}

    @router.get("/api/traces/{trace_id}", dependencies=[may_read])
    def get_trace(trace_id: str) -> dict[str, Any]:
        return services.queries.trace(trace_id)

    @router.get("/api/receipts/{receipt_id}", dependencies=[may_ask])
    def get_receipt(receipt_id: str) -> dict[str, Any]:
        return services.receipts.show(receipt_id)

    @router.get("/api/limits", dependencies=[may_read])
    def get_limits() -> dict[str, Any]:
        return services.limits.document()


async def _take(
    request: Request, writer: JournalWriter, prepare: Prepare, sender: Principal
) -> JSONResponse:
    """Read with a bound, prepare in a thread, append, and answer when it is on disk."""
    body = await read_bounded(request.stream(), MAX_BODY_BYTES)
    headers = {name.lower(): value for name, value in request.headers.items()}
    prepared = await run_in_threadpool(prepare, body, headers, sender.name)
    appended = await durable(writer.append(prepared.append))
    if prepared.refusal is not None:
        raise prepared.refusal
    answer: dict[str, Any] = {
        "receipt": appended.receipt,
        "accepted": appended.accepted,
        "duplicates": len(appended.duplicates),
        "rejected": prepared.rejected,
    }
    if prepared.generated_ids:
        answer["generated_ids"] = prepared.generated_ids
    return JSONResponse(answer, status_code=202)
