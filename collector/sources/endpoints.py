"""HTTP of webhook sources: where providers deliver, and what became of their deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.concurrency import run_in_threadpool

from access.principal import READERS
from access.service import AccessService
from collector.acknowledge import durable
from collector.bodies import read_bounded
from collector.sources.intake import MAX_BODY_BYTES, Received, WebhookIntake
from collector.sources.standing import WebhookStanding
from kernel.journal import Appended, JournalWriter

RECEIPT_HEADER = "Tillwatch-Receipt"


def build_router(
    writer: JournalWriter, intake: WebhookIntake, standing: WebhookStanding, access: AccessService
) -> APIRouter:
    """`POST /webhooks/{kind}/{source}`: no token, the signature is the authentication.

    `GET /api/webhooks`: the sources, what came of them, and what found no unit.
    """
    router = APIRouter(tags=["webhooks"])

    @router.post("/webhooks/{kind}/{source}", status_code=202)
    async def deliver(kind: str, source: str, request: Request) -> Response:
        """Verify on the raw body, store, and only then acknowledge."""
        # A stranger's body is not even read where there is nobody to have sent it.
        intake.keyring.source(kind, source)
        body = await read_bounded(request.stream(), MAX_BODY_BYTES)
        received = await run_in_threadpool(
            intake.prepare,
            kind,
            source,
            body,
            _headers(request.headers),
            request.query_params.get("token", ""),
        )
        if received.append is None:
            if received.refusal is not None:
                raise received.refusal
            return _answer(received, None)
        appended = await durable(writer.append(received.append))
        intake.count(received, appended)
        if received.refusal is not None:
            raise received.refusal
        return _answer(received, appended)

    @router.get("/api/webhooks", dependencies=[Depends(access.guard.require(*READERS))])
    def webhooks(since: str = "1d", limit: int = Query(default=20, ge=1, le=200)) -> dict[str, Any]:
        return standing.show(since=since, limit=limit)

    return router


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _answer(received: Received, appended: Appended | None) -> Response:
    """`appended` is None where all of the body was ignored: nothing of it is kept."""
    status, text = received.answer.status, received.answer.text
    named = {RECEIPT_HEADER: appended.receipt} if appended else {}
    if text is not None:
        return PlainTextResponse(text, status, headers=named)
    document: dict[str, Any] = {
        "receipt": appended.receipt if appended else None,
        "accepted": appended.accepted if appended else 0,
        "duplicates": len(appended.duplicates) if appended else 0,
        "rejected": list(received.refused),
    }
    if received.ignored:
        document["ignored"] = [
            {"index": one.index, "reason": one.reason} for one in received.ignored
        ]
    return JSONResponse(document, status, headers=named)
