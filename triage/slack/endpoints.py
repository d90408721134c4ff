"""Where Slack's clicks, forms and commands arrive: verified on the raw body, stored, answered.

Slack waits three seconds: a form is opened and a command is read within that time, everything else
is worked on later. Bodies are never logged: they hold Slack's tokens.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from collector.redaction import Redactor
from kernel import strict_json
from kernel.clock import SECOND_US, Clock
from kernel.errors import BadInput, NotAuthenticated, NotConfigured, TooLarge
from kernel.journal import Append, Item, JournalWriter, Stream
from triage.slack import answers
from triage.slack.card import Message
from triage.slack.command import parse_command
from triage.slack.desk import CommandDesk
from triage.slack.forms import Forms
from triage.slack.interaction import Click, Pressed, parse_interaction
from triage.slack.modals import CHOICE, REASON, choices_of
from triage.slack.settings import SlackSettings
from triage.slack.signature import refusal

_MAX_BODY = 1024 * 1024
_MAX_FIELDS = 40
_ANSWER_WITHIN_S = 2.5
_T = TypeVar("_T")


@dataclass(frozen=True)
class SlackDoor:
    """What the routes need."""

    journal: JournalWriter
    settings: SlackSettings
    clock: Clock
    redactor: Redactor
    forms: Forms
    desk: CommandDesk


def build_router(door: SlackDoor) -> APIRouter:
    """Routes that Slack calls. No session, no token: the signature is the authentication."""
    router = APIRouter(tags=["slack"])

    @router.post("/slack/interactions", status_code=200)
    async def interactions(request: Request) -> Response:
        """Verify, open the form or store the act, acknowledge. A known act changes nothing."""
        fields = await _verified(request, door)
        found = parse_interaction(_payload(fields))
        if isinstance(found, Pressed):
            found = await _pressed(door, found)
        elif found is not None and (faults := _faults(found)):
            return JSONResponse({"response_action": "errors", "errors": faults})
        if found is not None:
            await _store(door, found)
        return Response(status_code=200)

    @router.post("/slack/commands", status_code=200)
    async def commands(request: Request) -> Response:
        """Verify, and answer the asker alone from stored state."""
        fields = await _verified(request, door)
        try:
            command = parse_command(fields)
        except BadInput as error:
            said = f"{error.message}. {error.hint}".strip()
            return JSONResponse(answers.document(answers.answer([said])))
        late: tuple[Message, Click | None] = (
            answers.answer(["That took too long: look at the page."]),
            None,
        )
        message, click = await _in_time(lambda: door.desk.answer(command), late)
        if click is not None:
            await _store(door, click)
        return JSONResponse(answers.document(message))

    return router


async def _pressed(door: SlackDoor, pressed: Pressed) -> Click | None:
    """What is left to be stored once the form stands open, or could not be opened in time."""
    if not pressed.click.asks_for_form:
        return pressed.click
    late = replace(pressed.click, trouble="the form took too long: press again")
    return await _in_time(lambda: door.forms.pressed(pressed), late)


async def _in_time(work: Callable[[], _T], late: _T) -> _T:
    try:
        return await asyncio.wait_for(run_in_threadpool(work), _ANSWER_WITHIN_S)
    except TimeoutError:
        return late


def _faults(click: Click) -> dict[str, str]:
    """What of a sent form has to be filled in still, by block."""
    faults = {}
    if not click.reason:
        faults[REASON] = "Write a reason: it goes into the record."
    options = choices_of(click.action_id)
    if options and click.choice not in options:
        faults[CHOICE] = "Choose one of the list."
    return faults


async def _store(door: SlackDoor, click: Click) -> None:
    """Ids of Slack's and buttons of ours hold nothing to mask: what does comes from neither, and a
    reason is written by a person.
    """
    click = Click(**{name: door.redactor.text(text) for name, text in click.as_document().items()})
    data = json.dumps(click.as_document(), sort_keys=True).encode()
    append = Append(Stream.SLACK, "slack", "click", [Item(data, click.key)], whole=True)
    await asyncio.wrap_future(door.journal.append(append))


async def _verified(request: Request, door: SlackDoor) -> dict[str, list[str]]:
    """The form fields of a body that Slack has signed. Raises a TillwatchError for any other."""
    body = await request.body()
    _verify(request, body, door.settings, door.clock)
    try:
        text = strict_json.decode_utf8(body)
        return parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:  # more fields than that
        raise BadInput(f"at most {_MAX_FIELDS} form fields are expected", path="body") from None


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


def _payload(fields: dict[str, list[str]]) -> Any:
    found = fields.get("payload")
    if not found or len(found) != 1 or not found[0]:
        raise BadInput("one form field `payload` is expected", path="payload")
    return strict_json.loads(found[0])
