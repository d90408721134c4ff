"""Corrections over HTTP: read for everybody who may look, proposed and decided by persons alone."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from access.guards import form_fields
from access.principal import READERS, Principal, Role
from access.service import AccessService
from kernel import strict_json
from kernel.errors import UnsupportedFormat
from slo.corrections.proposing import segment_of
from slo.corrections.schemas import (
    CorrectionIn,
    CorrectionListOut,
    CorrectionOut,
    CorrectionWithPreviewOut,
    DecisionIn,
    checked,
)
from slo.corrections.service import CorrectionService

_FORM = "application/x-www-form-urlencoded"
_PROPOSED = ("category", "reason", "from", "to", "zone", "rule")


async def body_of(request: Request) -> bytes:
    """The raw body, read once."""
    return await request.body()


def build_router(service: CorrectionService, access: AccessService) -> APIRouter:
    """`/api/corrections...`."""
    router = APIRouter()
    reader = access.guard.require(*READERS)
    # Who may not decide must hear why from us, with a record: so every role comes in here.
    anybody = access.guard.require(*Role)

    @router.get("/api/corrections")
    def corrections(
        objective: Annotated[str | None, Query(max_length=100)] = None,
        state: str | None = None,
        _: Principal = Depends(reader),
    ) -> CorrectionListOut:
        return CorrectionListOut(corrections=list(service.list(objective, state)))

    @router.get("/api/corrections/{correction_id}")
    def correction(correction_id: str, _: Principal = Depends(reader)) -> CorrectionWithPreviewOut:
        return service.show(correction_id)

    @router.post("/api/corrections", response_model=CorrectionOut)
    def propose(
        request: Request, person: Principal = Depends(anybody), body: bytes = Depends(body_of)
    ) -> Response:
        is_form, document = _document(request, body)
        page = document.get("page", "") if is_form else ""
        said = checked(CorrectionIn, proposal_of_form(document) if is_form else document)
        out = service.propose(said, person, "web" if is_form else "api")
        return _answer(out, page, is_form=is_form)

    @router.post("/api/corrections/{correction_id}/decision", response_model=CorrectionOut)
    def decision(
        correction_id: str,
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        is_form, document = _document(request, body)
        page = document.get("page", "") if is_form else ""
        if is_form:
            document = {key: document[key] for key in ("decision", "reason") if key in document}
        said = checked(DecisionIn, document)
        channel = "web" if is_form else "api"
        out = service.decide(correction_id, person, said.decision, said.reason, channel)
        return _answer(out, page, is_form=is_form)

    return router


def proposal_of_form(fields: dict[str, str]) -> dict[str, Any]:
    """The page's form as the document that a program would send.

    `page` is the objective whose page it is; with `scope` = service it is about all of its
    `service`. `segment` is written `provider=adyen, country=DE`.
    """
    said: dict[str, Any] = {name: fields[name].strip() for name in _PROPOSED if name in fields}
    if fields.get("scope") == "service":
        said["service"] = fields.get("service", "")
    else:
        said["objectives"] = [fields.get("page", "")]
    said["segment"] = segment_of(fields.get("segment", ""))
    return said


def _document(request: Request, body: bytes) -> tuple[bool, Any]:
    """(came from a form, the document)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        return True, form_fields(body)
    if kind not in {"application/json", ""}:
        raise UnsupportedFormat(f"{kind[:80]} is not understood", hint="send JSON or a form")
    return False, strict_json.loads(body)


def _answer(out: CorrectionOut, page: str, *, is_form: bool) -> Response:
    """A form goes back to the objective's page; a program gets the correction."""
    if is_form:
        objective = page if page in out.objectives else out.objectives[0]
        return RedirectResponse(f"/slos/{quote(objective)}#corrections", status_code=303)
    return JSONResponse(out.model_dump(mode="json"))
