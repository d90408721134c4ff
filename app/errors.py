"""The one mapper: an error becomes problem+json (RFC 9457), or a small page for a browser.

A browser that is not logged in is sent to the login page. What nobody expected becomes a 500 with a
correlation id and is logged once, here: one of the three edges that catch everything.
"""

from __future__ import annotations

import html
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.security_headers import HEADERS as SECURITY_HEADERS
from kernel.clock import Clock
from kernel.errors import BadInput, NotAuthenticated, Overloaded, TillwatchError, Unavailable
from kernel.ids import uuid7
from kernel.observability import get_logger

_log = get_logger(__name__)
_MAX_PROBLEMS = 50

Refuse = Callable[[Scope, Send, TillwatchError], Awaitable[None]]


@dataclass(frozen=True)
class Problem:
    """What the answer says. `path`: the place in the input; `hint`: the next step."""

    status: int
    code: str
    detail: str
    path: str = ""
    hint: str = ""
    problems: Sequence[Mapping[str, object]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, instance: str) -> dict[str, Any]:
        """The problem+json document; empty members are left out."""
        document: dict[str, Any] = {
            "type": f"urn:tillwatch:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "instance": instance,
        }
        for name in ("path", "hint"):
            if value := getattr(self, name):
                document[name] = value
        if self.problems:
            document["problems"] = [dict(one) for one in self.problems[:_MAX_PROBLEMS]]
        return document


def problem_of(error: TillwatchError) -> Problem:
    """The problem that an expected error stands for."""
    headers: dict[str, str] = {}
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, Overloaded):
        headers["Retry-After"] = "1"
    elif isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="tillwatch"'
    path = error.path if isinstance(error, BadInput) else ""
    return Problem(
        error.status, error.code, error.message, path, error.hint, error.problems, headers
    )


def install_error_mapping(app: FastAPI, clock: Clock, stylesheet: str = "") -> None:
    """Map every error of the app's routes; nothing else in the project does.

    `stylesheet`: address of the pages' style sheet, for errors that people see.
    """
    app.state.stylesheet = stylesheet

    def expected(request: Request, error: Exception) -> Response:
        return respond(request, problem_of(cast(TillwatchError, error)))

    def validation(request: Request, error: Exception) -> Response:
        return respond(request, _validation_problem(cast(RequestValidationError, error)))

    def http(request: Request, error: Exception) -> Response:
        return respond(request, _http_problem(cast(HTTPException, error)))

    def database(request: Request, error: Exception) -> Response:
        _log.error("http.database_failed", path=request.url.path, error=str(error.__cause__))
        away = Unavailable("the control database cannot be reached", hint="see `tillwatch doctor`")
        return respond(request, problem_of(away))

    def unexpected(request: Request, error: Exception) -> Response:
        detail = _unexpected(clock, request.scope, error)
        # This handler stands outside of all middleware, so it brings the headers itself.
        problem = Problem(
            500, "internal", detail, hint="report the reference", headers=SECURITY_HEADERS
        )
        return respond(request, problem)

    app.add_exception_handler(TillwatchError, expected)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(DBAPIError, database)
    app.add_exception_handler(Exception, unexpected)


class OtlpErrorMapping:
    """The same for the OTLP port, whose app maps by itself all but what nobody expected."""

    def __init__(self, app: ASGIApp, refuse: Refuse, clock: Clock) -> None:
        """`refuse` answers an error in that port's own encodings."""
        self._app = app
        self._refuse = refuse
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI entry. The app answers in one go, so nothing has been sent when it fails."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            await self._refuse(scope, send, TillwatchError(_unexpected(self._clock, scope, error)))


def _unexpected(clock: Clock, scope: Scope, error: Exception) -> str:
    """Log a fault of ours once; returns what may be said of it outside."""
    reference = uuid7(clock)
    _log.error(
        "http.unexpected_error",
        reference=reference,
        method=scope["method"],
        path=scope["path"],
        exc_info=error,
    )
    return f"something went wrong on our side; the log names it as {reference}"


def respond(request: Request, problem: Problem) -> Response:
    """The response in the form the asker reads."""
    if not _wants_page(request):
        return problem_response(problem, request.url.path)
    if problem.status == HTTPStatus.UNAUTHORIZED and request.method == "GET":
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(target)}", status_code=303)
    headers = {**problem.headers, "Cache-Control": "no-store"}
    return Response(
        _page(problem, request.app.state.stylesheet),
        problem.status,
        headers=headers,
        media_type="text/html; charset=utf-8",
    )


def problem_response(problem: Problem, instance: str) -> Response:
    """The problem as `application/problem+json`."""
    return Response(
        json.dumps(problem.document(instance), ensure_ascii=True).encode(),
        problem.status,
        headers={**problem.headers, "Cache-Control": "no-store"},
        media_type="application/problem+json",
    )


def _wants_page(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "text/html" in accept and not request.url.path.startswith("/api/")


def _validation_problem(error: RequestValidationError) -> Problem:
    problems = [
        {"path": _json_path(one.get("loc", ())), "reason": str(one.get("msg", "invalid"))}
        for one in error.errors()
    ]
    first = problems[0] if problems else {"path": "$", "reason": "invalid"}
    return Problem(
        400,
        BadInput.code,
        f"{first['path']}: {first['reason']}",
        str(first["path"]),
        problems=problems,
    )


def _json_path(location: Sequence[object]) -> str:
    """`("body", "items", 3, "id")` becomes `$.items[3].id`; others keep their part's name."""
    if not location:
        return "$"
    root, *rest = location
    start = "$" if root == "body" else str(root)
    return start + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)


_CODES = {
    400: "bad_input",
    401: "not_authenticated",
    403: "not_allowed",
    404: "not_found",
    405: "wrong_method",
    406: "unsupported_format",
    409: "conflict",
    413: "too_large",
    415: "unsupported_format",
    429: "overloaded",
    503: "unavailable",
}


def _http_problem(error: HTTPException) -> Problem:
    code = _CODES.get(error.status_code, "http_error")
    headers = dict(error.headers or {})
    hint = "see /glossary or the README for the paths" if error.status_code == 404 else ""
    if "Allow" in headers:
        hint = f"allowed here: {headers['Allow']}"
    return Problem(error.status_code, code, str(error.detail), hint=hint, headers=headers)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title} - Tillwatch</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="{stylesheet}"></head>
<body><header class="top"><a class="brand" href="/">Tillwatch</a></header>
<main><h1>{status} {title}</h1><p class="lead">{detail}</p><p class="soft">{hint}</p>
<p><a class="button" href="/">Overview</a></p></main></body></html>
"""


def _page(problem: Problem, stylesheet: str) -> str:
    return _PAGE.format(
        stylesheet=html.escape(stylesheet),
        status=problem.status,
        title=html.escape(HTTPStatus(problem.status).phrase),
        detail=html.escape(problem.detail),
        hint=html.escape(problem.hint),
    )
