"""Bounds on request bodies, held while the bytes come in: size per path, and a deadline.

The declared length is used to refuse early, never to allow. Senders that retry on 503 but drop
what answers 408 (OTLP exporters, Alertmanager) get 503 when their body is too slow.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import Problem, problem_response

MIB = 1024**2


@dataclass(frozen=True)
class BodyRule:
    """Bodies posted below `prefix`: at most `max_bytes`; `retried`: the sender repeats on 503."""

    prefix: str
    max_bytes: int
    retried: bool = False


# The longest matching prefix counts.
DEFAULT_RULES = (
    BodyRule("/", 256 * 1024),
    BodyRule("/api/events", 16 * MIB, retried=True),
    BodyRule("/api/rum", 1 * MIB),
    BodyRule("/api/changes", 1 * MIB, retried=True),
    BodyRule("/api/costs", 4 * MIB),
    BodyRule("/webhooks/", 2 * MIB, retried=True),
    # Its own bound of 16 MiB comes first: what it turns away there is counted and told to people.
    BodyRule("/webhooks/alertmanager", 32 * MIB, retried=True),
    BodyRule("/v1/", 16 * MIB, retried=True),
)


class BodyLimit:
    """Pure ASGI middleware. Where the bound breaks, the app's own answer is replaced."""

    def __init__(
        self, app: ASGIApp, rules: Sequence[BodyRule] = DEFAULT_RULES, *, deadline_s: float = 20.0
    ) -> None:
        self._app = app
        self._rules = sorted(rules, key=lambda rule: len(rule.prefix), reverse=True)
        self._deadline_s = deadline_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rule = next(rule for rule in self._rules if scope["path"].startswith(rule.prefix))
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > rule.max_bytes:
            await _answer(scope, receive, send, _too_large(rule))
            return
        body = _BoundedBody(receive, send, rule, self._deadline_s)
        with contextlib.suppress(_BodyBroken):
            await self._app(scope, body.receive, body.send)
        if body.problem is not None and not body.answered:
            await _answer(scope, receive, send, body.problem)


class _BodyBroken(Exception):
    """Ends the app's reading; never leaves this module."""


class _BoundedBody:
    """One request: counts what arrives and holds back the app's answer once a bound broke."""

    def __init__(self, receive: Receive, send: Send, rule: BodyRule, deadline_s: float) -> None:
        self._receive = receive
        self._send = send
        self._rule = rule
        self._ends_at = asyncio.get_running_loop().time() + deadline_s
        self._seen_bytes = 0
        self._complete = False
        self.problem: Problem | None = None
        self.answered = False

    async def receive(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError:
            raise self._break(_too_slow(self._rule)) from None
        if message["type"] == "http.request":
            self._seen_bytes += len(message.get("body", b""))
            self._complete = not message.get("more_body", False)
            if self._seen_bytes > self._rule.max_bytes:
                raise self._break(_too_large(self._rule))
        return message

    async def send(self, message: Message) -> None:
        if self.problem is not None and not self.answered:
            return
        self.answered = True
        await self._send(message)

    def _break(self, problem: Problem) -> _BodyBroken:
        self.problem = self.problem or problem
        return _BodyBroken(problem.detail)


def _too_large(rule: BodyRule) -> Problem:
    return Problem(
        413,
        "too_large",
        f"the body is larger than {rule.max_bytes} bytes",
        hint="send smaller batches",
        headers={"Connection": "close"},
    )


def _too_slow(rule: BodyRule) -> Problem:
    detail = "the body did not arrive in time"
    headers = {"Connection": "close"}
    if rule.retried:
        return Problem(503, "unavailable", detail, headers={**headers, "Retry-After": "1"})
    return Problem(408, "too_slow", detail, headers=headers)


async def _answer(scope: Scope, receive: Receive, send: Send, problem: Problem) -> None:
    await problem_response(problem, scope["path"])(scope, receive, send)
