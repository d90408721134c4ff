"""HTTP of the budget policy: the gate for pipelines, and people's decisions about it."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ValidationError

from access.guards import form_fields
from access.principal import READERS, Principal, Role
from access.service import AccessService
from kernel import strict_json
from kernel.errors import BadInput, UnsupportedFormat
from slo.policy.decisions import PolicyDecisions
from slo.policy.schemas import GateOut, OverrideIn, OverrideOut, PolicyListOut, PostmortemIn
from slo.policy.service import PolicyService

_FORM = "application/x-www-form-urlencoded"
_Shape = TypeVar("_Shape", bound=BaseModel)


async def body_of(request: Request) -> bytes:
    """The raw body, read once."""
    return await request.body()


def build_router(
    service: PolicyService, decisions: PolicyDecisions, access: AccessService
) -> APIRouter:
    """`/api/gate...`, `/api/policy` and `/api/postmortems/{incident}`."""
    router = APIRouter()
    reader = access.guard.require(*READERS)
    # Who may not decide must hear why from us, with a record: so every role comes in here.
    anybody = access.guard.require(*Role)

    @router.get("/api/gate")
    def gate(
        name: Annotated[str, Query(alias="service", max_length=63)],
        change_kind: str = "feature",
        _: Principal = Depends(reader),
    ) -> GateOut:
        return service.gate(name, change_kind)

    @router.get("/api/policy")
    def policy(_: Principal = Depends(reader)) -> PolicyListOut:
        return service.all()

    @router.get("/api/gate/overrides")
    def overrides(_: Principal = Depends(reader)) -> dict[str, list[OverrideOut]]:
        return {"overrides": list(service.overrides())}

    @router.post("/api/gate/overrides", response_model=OverrideOut)
    def override(
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        is_form, document = _document(request, body)
        said = _checked(OverrideIn, document)
        out = decisions.override(person, said.service, said.reason, said.hours)
        return _answer(out.model_dump(mode="json"), is_form=is_form)

    @router.post("/api/gate/overrides/{override_id}/revocation", response_model=OverrideOut)
    def revocation(
        override_id: str,
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        is_form, _ = _document(request, body or b"{}")
        out = decisions.revoke(person, override_id)
        return _answer(out.model_dump(mode="json"), is_form=is_form)

    @router.post("/api/postmortems/{incident}")
    def postmortem(
        incident: str,
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        is_form, document = _document(request, body)
        said = _checked(PostmortemIn, document)
        return _answer(decisions.postmortem(person, incident, said.link), is_form=is_form)

    return router


def _document(request: Request, body: bytes) -> tuple[bool, Any]:
    """(came from a form, the document): a form's hours are a number, its CSRF field is gone."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        fields: dict[str, Any] = form_fields(body)
        fields.pop("csrf", None)
        hours = fields.get("hours", "")
        if str(hours).isdecimal() and len(str(hours)) < 6:
            fields["hours"] = int(hours)
        return True, fields
    if kind not in {"application/json", ""}:
        raise UnsupportedFormat(f"{kind[:80]} is not understood", hint="send JSON or a form")
    return False, strict_json.loads(body)


def _checked(shape: type[_Shape], document: Any) -> _Shape:
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        problems = [
            {"path": ".".join(["$", *map(str, one["loc"])]), "reason": one["msg"]}
            for one in error.errors()
        ]
        first = problems[0]
        raise BadInput(
            f"{first['path']}: {first['reason']}", path=str(first["path"]), problems=problems
        ) from None


def _answer(out: dict[str, Any], *, is_form: bool) -> Response:
    """A form goes back to the policy's page; a program gets what was decided."""
    if is_form:
        return RedirectResponse("/policy", status_code=303)
    return JSONResponse(out)
