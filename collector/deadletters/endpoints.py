"""Dead letters over HTTP: reading for everybody who may look, replaying for those who respond."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from access.guards import form_fields
from access.principal import READERS, Principal, Role
from access.service import AccessService
from collector.deadletters.choosing import Choice
from collector.deadletters.replay import Replayer, Wish
from collector.deadletters.schemas import PatchIn, ReplayIn, checked
from collector.deadletters.service import DeadLetterService
from kernel import strict_json
from kernel.errors import BadInput, UnsupportedFormat

# Who may have a rejected item taken after all.
REPLAYERS = (Role.RESPONDER, Role.ADMIN)
_FORM = "application/x-www-form-urlencoded"
_MAX_PATCH_CHARS = 4_096


async def body_of(request: Request) -> bytes:
    """The raw body, read once."""
    return await request.body()


def build_router(
    letters: DeadLetterService, replayer: Replayer, access: AccessService
) -> APIRouter:
    """`/api/deadletters...`."""
    router = APIRouter()
    may_read = Depends(access.guard.require(*READERS))
    may_replay = access.guard.require(*REPLAYERS)

    @router.get("/api/deadletters", dependencies=[may_read])
    def listed(
        rule: str = Query(default="", max_length=120),
        source: str = Query(default="", max_length=200),
        limit: int = Query(default=100, ge=1, le=1_000),
    ) -> dict[str, Any]:
        found = letters.list(rule=rule, source=source, limit=limit)
        return {"deadletters": found, "totals": letters.totals()}

    @router.get("/api/deadletters/{letter_id}", dependencies=[may_read])
    def one(letter_id: str) -> dict[str, Any]:
        return {**letters.show(letter_id), "now": replayer.preview(letter_id).document()}

    @router.post("/api/deadletters/replay")
    def replay(
        request: Request,
        person: Principal = Depends(may_replay),
        body: bytes = Depends(body_of),
    ) -> Response:
        is_form, document = _document(request, body, ("rule", "source"))
        wanted = checked(ReplayIn, {"all": True, **document} if is_form else document)
        report = replayer.replay(wanted.wish(), person)
        if not is_form:
            return JSONResponse(report.document())
        told = {"rule": wanted.rule, "source": wanted.source, **report.counts}
        query = urlencode({name: value for name, value in told.items() if value})
        return RedirectResponse(f"/deadletters?{query}", status_code=303)

    @router.post("/api/deadletters/{letter_id}/replay")
    def replay_one(
        letter_id: str,
        request: Request,
        person: Principal = Depends(may_replay),
        body: bytes = Depends(body_of),
    ) -> Response:
        letters.find(letter_id)
        is_form, document = _document(request, body, ("patch",))
        wanted = checked(PatchIn, _with_patch(document) if is_form else document)
        wish = Wish(Choice(ids=(letter_id,)), wanted.set, wanted.dry_run)
        report = replayer.replay(wish, person)
        if not is_form:
            return JSONResponse(report.document())
        return RedirectResponse(f"/deadletters/{quote(letter_id)}", status_code=303)

    return router


def _document(request: Request, body: bytes, fields: tuple[str, ...]) -> tuple[bool, Any]:
    """(came from a form, the document); of a form only the named fields are taken."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        sent = form_fields(body)
        return True, {name: sent[name] for name in fields if sent.get(name)}
    if kind not in {"application/json", ""}:
        raise UnsupportedFormat(f"{kind[:80]} is not understood", hint="send JSON or a form")
    return False, strict_json.loads(body) if body.strip() else {}


def _with_patch(form: dict[str, str]) -> dict[str, Any]:
    text = form.get("patch", "").strip()
    if not text:
        return {}
    if len(text) > _MAX_PATCH_CHARS:
        raise BadInput(f"a fix of more than {_MAX_PATCH_CHARS} characters", path="patch")
    try:
        return {"set": strict_json.loads(text)}
    except BadInput as fault:
        hint = 'write it as JSON: {"data": {"currency": "EUR"}}'
        raise BadInput(f"the fix is {fault.message}", path="patch", hint=hint) from None
