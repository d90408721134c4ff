"""Login, logout and "who am I" over HTTP. The login page itself belongs to the dashboards."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from access.guards import COOKIE, csrf_for, form_fields
from access.principal import Principal, Role
from access.service import AccessService
from kernel.errors import NotAllowed, NotAuthenticated


class MeOut(BaseModel):
    """Who the asker is. `csrf` is for forms of this session ("" with a bearer token)."""

    person_id: str
    name: str
    kind: str
    roles: list[str]
    method: str
    csrf: str


def build_router(access: AccessService, *, public_url: str, session_hours: int) -> APIRouter:
    """`POST /login`, `POST /logout`, `GET /api/me`."""
    router = APIRouter()
    guard = access.guard
    secure = public_url.startswith("https://")

    @router.post("/login", include_in_schema=False)
    async def login(request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            raise NotAllowed("a login must come from Tillwatch's own page", hint="open /login")
        fields = form_fields(await request.body())
        target = local_path(fields.get("next", "/"))
        try:
            cookie = await run_in_threadpool(access.login, fields.get("token", ""))
        except NotAuthenticated:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            return RedirectResponse(f"/login?failed=1&next={quote(target)}", status_code=303)
        response = RedirectResponse(target, status_code=303)
        response.set_cookie(
            COOKIE,
            cookie,
            max_age=session_hours * 3600,
            httponly=True,
            samesite="lax",
            secure=secure,
            path="/",
        )
        return response

    @router.post("/logout", include_in_schema=False)
    async def logout(
        request: Request, _: Principal = Depends(guard.require(*Role))
    ) -> RedirectResponse:
        await run_in_threadpool(access.logout, request.cookies.get(COOKIE, ""))
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=secure, path="/")
        return response

    @router.get("/api/me")
    async def me(request: Request, principal: Principal = Depends(guard.require(*Role))) -> MeOut:
        return MeOut(
            person_id=principal.person_id,
            name=principal.name,
            kind=principal.kind,
            roles=sorted(principal.roles),
            method=principal.method,
            csrf=csrf_for(request) if principal.method == "session" else "",
        )

    return router


def local_path(target: str) -> str:
    """The target if it is a path on this host, else `/` (no open redirects)."""
    is_local = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_local and target.isprintable() and "\\" not in target else "/"
