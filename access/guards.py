"""Guards of routes: who may come in. Deny by default: a guard without a role is a mistake."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from access.principal import Principal, Role
from access.secrets_text import csrf_of, same
from kernel.errors import BadInput, NotAllowed, NotAuthenticated

if TYPE_CHECKING:
    from access.service import AccessService

COOKIE = "tillwatch_session"
CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 200

Dependency = Callable[[Request], Awaitable[Principal]]
OptionalDependency = Callable[[Request], Awaitable[Principal | None]]


class Guard:
    """Makes FastAPI dependencies: `Depends(guard.require(Role.VIEWER))`."""

    def __init__(self, access: AccessService) -> None:
        self._access = access

    def require(self, *roles: Role, in_query: bool = False) -> Dependency:
        """Any of these roles. Raises NotAuthenticated (401) or NotAllowed (403).

        `in_query`: the token may also come as `?access_token=`, from senders that can do no better.

        The asker comes by bearer token, else by session cookie; with a cookie, methods that change
        something also need the CSRF token in the form field `csrf` or the header `X-CSRF-Token`.
        """
        if not roles:
            raise TypeError("a guard needs at least one role: name who may come in")

        async def dependency(request: Request) -> Principal:
            principal = await self._principal(request, in_query=in_query)
            if not principal.has(*roles):
                what = f"{request.method} {_route_path(request)}"
                await run_in_threadpool(self._access.denied, principal, what, roles)
                names = ", ".join(sorted(roles))
                raise NotAllowed(
                    f"this needs one of the roles: {names}",
                    hint="ask an admin for the role",
                )
            return principal

        return dependency

    def optional(self) -> OptionalDependency:
        """Whoever asks, or None where nobody says who they are. Wrong credentials still raise."""

        async def dependency(request: Request) -> Principal | None:
            if not _bearer(request) and COOKIE not in request.cookies:
                return None
            try:
                return await self._principal(request)
            except NotAuthenticated:
                if _bearer(request):
                    raise
                return None  # a cookie that is over is the same as no cookie

        return dependency

    async def _principal(self, request: Request, *, in_query: bool = False) -> Principal:
        token = _bearer(request)
        if in_query and request.scope["query_string"]:
            token = _one_token(token, request.query_params.getlist("access_token"))
        if token:
            known = self._access.known_bearer(token)
            if known is not None:
                return known
            return await run_in_threadpool(self._access.authenticate_bearer, token)
        cookie = request.cookies.get(COOKIE, "")
        if not cookie:
            raise NotAuthenticated(
                "this needs to know who you are",
                hint="send `Authorization: Bearer <token>` or log in at /login",
            )
        principal = await run_in_threadpool(self._access.principal_of_session, cookie)
        if request.method not in _SAFE_METHODS:
            await _check_csrf(request, cookie)
        return principal


def csrf_for(request: Request) -> str:
    """What a page's forms must carry in the field `csrf`; "" where there is no session."""
    cookie = request.cookies.get(COOKIE, "")
    return csrf_of(cookie) if cookie else ""


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _one_token(in_header: str, in_query: list[str]) -> str:
    """The token from wherever it came, but from one place only (RFC 6750, section 2)."""
    given = [token for token in (in_header, *in_query) if token]
    if len(given) > 1:
        raise BadInput(
            "the token came more than once",
            path="query.access_token",
            hint="send it in the header Authorization, and leave it out of the address",
        )
    return given[0] if given else ""


def _route_path(request: Request) -> str:
    """The route's template where it is known: ids of people and incidents stay out of the audit."""
    return str(getattr(request.scope.get("route"), "path", request.url.path))


async def _check_csrf(request: Request, cookie: str) -> None:
    sent = request.headers.get(CSRF_HEADER, "")
    if not sent and request.headers.get("content-type", "").startswith(_FORM):
        sent = form_fields(await request.body()).get(CSRF_FIELD, "")
    if not same(sent, csrf_of(cookie)):
        raise NotAllowed(
            "the form does not belong to this session",
            hint="load the page again and repeat; scripts use a bearer token",
        )


def form_fields(body: bytes) -> dict[str, str]:
    """Fields of a urlencoded form; of a repeated field the last value. Raises BadInput."""
    text = body.decode("utf-8", "replace")
    try:
        found = parse_qs(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise BadInput(f"a form of ours never has more than {_MAX_FIELDS} fields") from None
    return {name: values[-1] for name, values in found.items()}
