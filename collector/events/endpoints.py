"""HTTP of shop events: `POST /api/events`, and the handshake that webhook senders ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from access.guards import Guard
from access.principal import Role
from collector.acknowledge import durable
from collector.bodies import read_bounded
from collector.body_budget import BodyBudget
from collector.direct_route import DirectRoute
from collector.events.handshake import Handshake
from collector.events.intake import MAX_BODY_BYTES, EventIntake, Prepared
from collector.events.schemas import PROBLEMS, REQUEST, Accepted
from kernel.errors import BadInput
from kernel.journal import Appended, ItemClass, JournalWriter

_PATH = "/api/events"
# What is larger, or has more odd items, is looked at in a thread: nobody else has to wait for it.
_AT_ONCE_BYTES = 64 * 1024
_AT_ONCE_ODD = 8
# Nobody on the way may keep an answer to an address that may hold a token.
_HEADERS = {"Cache-Control": "private, no-store"}
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class EventServices:
    """What the routes need."""

    intake: EventIntake
    writer: JournalWriter
    budget: BodyBudget
    handshake: Handshake


def add_routes(router: APIRouter, services: EventServices, guard: Guard) -> None:
    """Add the routes; a slash at the end changes nothing, since a delivery is never redirected.

    `router` is the app's own, before all others are added: each router that is asked before costs
    more than an event does.
    """
    may_send = guard.require(Role.INGEST, Role.ADMIN, in_query=True)

    async def post_events(request: Request) -> Response:
        sender = await may_send(request)
        headers = _headers(request.scope["headers"])
        with services.budget.lease(ItemClass.MONEY, sender.name) as lease:
            try:
                body = await read_bounded(request.stream(), MAX_BODY_BYTES, lease.grow)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody is there to read it
            prepared = await _prepared(services.intake, body, headers, sender.name)
            appended = await durable(services.writer.append(prepared.append))
        if prepared.refusal is not None:
            raise prepared.refusal
        return _answer(prepared, appended)

    for path in (_PATH, f"{_PATH}/"):
        router.add_api_route(
            path,
            post_events,
            methods=["POST"],
            status_code=202,
            response_model=Accepted,
            responses=PROBLEMS,
            openapi_extra=REQUEST,
            include_in_schema=path == _PATH,
            route_class_override=DirectRoute,
        )

    @router.options(_PATH, include_in_schema=False)
    async def may_deliver(request: Request) -> Response:
        origin = request.headers.get("webhook-request-origin", "").strip()
        permission = services.handshake.permission(origin)
        if permission is None:
            raise HTTPException(405, headers={"Allow": "GET, POST"})
        return Response(status_code=200, headers=permission)


async def _prepared(
    intake: EventIntake, body: bytes, headers: Mapping[str, str], sender: str
) -> Prepared:
    """Small bodies of ordinary events at once: a thread would cost more than they do."""
    if len(body) > _AT_ONCE_BYTES or "content-encoding" in headers:
        return await run_in_threadpool(intake.prepare, body, headers, sender)
    try:
        draft = intake.begin(body, headers, sender)
    except BadInput as fault:
        return intake.unreadable(body, fault, sender)
    if draft.odd > _AT_ONCE_ODD:
        return await run_in_threadpool(intake.finish, draft)
    return intake.finish(draft)


def _headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name. Raises BadInput where what counts here was said twice."""
    found: dict[str, str] = {}
    for name_bytes, value in raw:
        name = name_bytes.decode("latin-1").lower()
        if name in found and name.startswith(("ce-", "content-")):
            raise BadInput("this header stands twice", path=name[:80])
        found[name] = value.decode("latin-1")
    return found


def _answer(prepared: Prepared, appended: Appended) -> Response:
    answer: dict[str, Any] = {
        "receipt": appended.receipt,
        "accepted": appended.accepted,
        "duplicates": len(appended.duplicates),
        "rejected": prepared.rejected,
    }
    if prepared.generated_ids:
        answer["generated_ids"] = prepared.generated_ids
    return Response(_json(answer), 202, _HEADERS, "application/json")
