"""Where Slack's clicks arrive: verified on the raw body, stored, acknowledged; worked on later."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response

from collector.redaction import Redactor
from kernel import strict_json
from kernel.clock import SECOND_US, Clock
from kernel.errors import BadInput, NotAuthenticated, NotConfigured, TooLarge
from kernel.journal import Append, Item, JournalWriter, Stream
from triage.slack.interaction import Click, parse_click
from triage.slack.settings import SlackSettings
from triage.slack.signature import refusal

_MAX_BODY = 1024 * 1024


def build_router(
    journal: JournalWriter, settings: SlackSettings, clock: Clock, redactor: Redactor
) -> APIRouter:
    """Routes that Slack calls. No session, no token: the signature is the authentication."""
    router = APIRouter(tags=["slack"])

    @router.post("/slack/interactions", status_code=200)
    async def interactions(request: Request) -> Response:
        """Verify, journal, acknowledge. A click that is already stored changes nothing."""
        body = await request.body()
        _verify(request, body, settings, clock)
        click = parse_click(_payload(body))
        if click is not None:
            await asyncio.wrap_future(journal.append(_append(click, redactor)))
        return Response(status_code=200)

    return router


def _verify(request: Request, body: bytes, settings: SlackSettings, clock: Clock) -> None:
    if not settings.listening:
        raise NotConfigured(
            "Slack's signing secret is not set", hint="set SLACK_SIGNING_SECRET and restart"
        )
    if len(body) > _MAX_BODY:
        raise TooLarge("a Slack interaction is never this large")
    why = refusal(
        body,
        secret=settings.slack_signing_secret.get_secret_value(),
        timestamp=request.headers.get("x-slack-request-timestamp"),
        signature=request.headers.get("x-slack-signature"),
        now_s=clock.now_us() // SECOND_US,
    )
    if why:
        raise NotAuthenticated(
            f"this request is not Slack's: {why}",
            hint="check SLACK_SIGNING_SECRET and this machine's clock",
        )


def _payload(body: bytes) -> object:
    try:
        found = parse_qs(strict_json.decode_utf8(body), max_num_fields=10).get("payload")
    except ValueError:  # more fields than that
        found = None
    if not found or len(found) != 1:
        raise BadInput("one form field `payload` is expected", path="payload")
    return strict_json.loads(found[0])


def _append(click: Click, redactor: Redactor) -> Append:
    """Ids of Slack's and buttons of ours hold nothing to mask: what does comes from neither."""
    click = Click(**{name: redactor.text(text) for name, text in click.as_document().items()})
    data = json.dumps(click.as_document(), sort_keys=True).encode()
    return Append(Stream.SLACK, "slack", "click", [Item(data, click.key)], whole=True)
