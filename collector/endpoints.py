"""HTTP of the collector: intake of events and changes, receipts, and reads of what arrived."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from access.principal import READERS, Principal, Role
from access.service import AccessService
from collector.acknowledge import durable
from collector.bodies import read_bounded
from collector.body_budget import BodyBudget
from collector.changes.flagd_intake import FlagdIntake, is_flagd
from collector.changes.intake import ChangeIntake
from collector.changes.memory import ChangeMemory
from collector.changes.watched import documents as watched_documents
from collector.deadletters import DeadLetterService
from collector.deadletters.endpoints import build_router as deadletter_router
from collector.deadletters.replay import Replayer
from collector.events.intake import MAX_BODY_BYTES, Prepared
from collector.limits import LimitsService
from collector.queries import TelemetryQueries
from collector.receipts import ReceiptService
from collector.sources.endpoints import build_router as webhook_router
from collector.sources.intake import WebhookIntake
from collector.sources.standing import WebhookStanding
from kernel.journal import ItemClass, JournalWriter

Prepare = Callable[[bytes, Mapping[str, str], str], Prepared]


@dataclass(frozen=True)
class CollectorServices:
    """What the routes need; built once by the composition root."""

    writer: JournalWriter
    budget: BodyBudget
    changes: ChangeIntake
    flagd: FlagdIntake
    memory: ChangeMemory
    webhooks: WebhookIntake
    queries: TelemetryQueries
    receipts: ReceiptService
    deadletters: DeadLetterService
    replayer: Replayer
    limits: LimitsService


def build_router(services: CollectorServices, access: AccessService) -> APIRouter:
    """All of `/api` about what arrives but the taking of events, and the webhooks of providers."""
    router = APIRouter()
    _change_routes(router, services, access)
    _read_routes(router, services, access)
    standing = WebhookStanding(services.webhooks.keyring, services.webhooks.tally, services.queries)
    router.include_router(webhook_router(services.writer, services.webhooks, standing, access))
    router.include_router(deadletter_router(services.deadletters, services.replayer, access))
    return router


def _change_routes(router: APIRouter, services: CollectorServices, access: AccessService) -> None:
    may_send = access.guard.require(Role.INGEST, Role.ADMIN)

    @router.post("/api/changes", status_code=202)
    async def post_changes(request: Request, sender: Principal = Depends(may_send)) -> JSONResponse:
        prepare = services.changes.prepare
        if is_flagd(request.headers):
            prepare = partial(services.flagd.prepare, where=dict(request.query_params))
        return await _take(request, services, prepare, sender, ItemClass.CHANGE)


def _read_routes(router: APIRouter, services: CollectorServices, access: AccessService) -> None:
    may_read = Depends(access.guard.require(*READERS))
    may_ask = Depends(access.guard.require(Role.INGEST, *READERS))

    @router.get("/api/events", dependencies=[may_read])
    def get_events(
        type_: list[str] = Query(default=[], alias="type"),
        since: str = "",
        until: str = "",
        limit: int = 100,
    ) -> dict[str, Any]:
        types = [name for one in type_ for name in one.split(",") if name]
        found = services.queries.events(types=types, since=since, until=until, limit=limit)
        return {"events": found}

    @router.get("/api/changes", dependencies=[may_read])
    def get_changes(since: str = "7d", limit: int = 100) -> dict[str, Any]:
        return {
            "changes": services.queries.changes(since=since, limit=limit),
            "watched": watched_documents(services.memory),
        }

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
    request: Request,
    services: CollectorServices,
    prepare: Prepare,
    sender: Principal,
    item_class: ItemClass,
) -> JSONResponse:
    """Read with a bound, prepare in a thread, append, and answer when it is on disk.

    `item_class`: what the body may hold, before anybody has looked.
    """
    headers = {name.lower(): value for name, value in request.headers.items()}
    with services.budget.lease(item_class, sender.name) as lease:
        body = await read_bounded(request.stream(), MAX_BODY_BYTES, lease.grow)
        prepared = await run_in_threadpool(prepare, body, headers, sender.name)
        appended = await durable(services.writer.append(prepared.append))
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
