"""Approvals and the switch over HTTP: read for everybody who may look, decide for persons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from access.guards import form_fields
from access.principal import READERS, Principal, Role
from access.service import AccessService
from kernel import strict_json
from kernel.errors import BadInput, NotAllowed, UnsupportedFormat
from runbooks.planning import describe
from runbooks.policy import tier_of
from runbooks.schemas import ApprovalList, ApprovalOut, SwitchOut
from runbooks.service import ApprovalService

_FORM = "application/x-www-form-urlencoded"
_Shape = TypeVar("_Shape", bound=BaseModel)


class DecisionIn(BaseModel):
    """Body of a decision. `shown_hash` = the `digest` of what was shown."""

    model_config = ConfigDict(extra="forbid", strict=True)
    decision: str = Field(max_length=20)
    shown_hash: str = Field(max_length=128)
    reason: str = Field(default="", max_length=2_000)
    simulated: bool = False


class ConfirmationIn(BaseModel):
    """Body of a confirmation of a manual step."""

    model_config = ConfigDict(extra="forbid", strict=True)
    outcome: str = Field(max_length=20)
    reason: str = Field(default="", max_length=2_000)


class ReasonIn(BaseModel):
    """Body of a revocation, and of switching all execution off or on."""

    model_config = ConfigDict(extra="forbid", strict=True)
    reason: str = Field(max_length=2_000)


async def body_of(request: Request) -> bytes:
    """The raw body, read once."""
    return await request.body()


def build_router(service: ApprovalService, access: AccessService) -> APIRouter:
    """`/api/approvals...`, `/api/execution...` and `/api/runbooks`."""
    router = APIRouter()
    _add_switch(router, service, access)
    guard = access.guard
    # Who is no person must hear 403 from us, not "you lack a role": so every role comes in here.
    anybody = guard.require(*Role)
    reader = guard.require(*READERS)

    @router.get("/api/approvals")
    def approvals(
        incident_id: str | None = None,
        state: str | None = None,
        _: Principal = Depends(reader),
    ) -> ApprovalList:
        return ApprovalList(approvals=service.approvals(incident_id, state))

    @router.get("/api/approvals/{approval_id}")
    def approval(approval_id: str, _: Principal = Depends(reader)) -> ApprovalOut:
        return service.approval(approval_id)

    @router.post("/api/approvals/{approval_id}/decision", response_model=ApprovalOut)
    def decision(
        approval_id: str,
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        _persons_only(person)
        is_form, document = _document(request, body, ("decision", "shown_hash", "reason"))
        said = _checked(DecisionIn, document)
        out = service.decide(
            approval_id,
            person,
            said.decision,
            said.shown_hash,
            said.reason,
            "web" if is_form else "api",
            simulated=said.simulated,
        )
        return _answer(out, is_form=is_form)

    @router.post("/api/approvals/{approval_id}/confirmation", response_model=ApprovalOut)
    def confirmation(
        approval_id: str,
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        _persons_only(person)
        is_form, document = _document(request, body, ("outcome", "reason"))
        said = _checked(ConfirmationIn, document)
        out = service.confirm(approval_id, person, said.outcome, said.reason)
        return _answer(out, is_form=is_form)

    @router.post("/api/approvals/{approval_id}/revocation", response_model=ApprovalOut)
    def revocation(
        approval_id: str,
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        _persons_only(person)
        is_form, document = _document(request, body, ("reason",))
        said = _checked(ReasonIn, document)
        channel = "web" if is_form else "api"
        return _answer(service.revoke(approval_id, person, said.reason, channel), is_form=is_form)

    @router.get("/api/runbooks")
    def runbooks(_: Principal = Depends(reader)) -> dict[str, Any]:
        return catalogue_document(service)

    return router


def _add_switch(router: APIRouter, service: ApprovalService, access: AccessService) -> None:
    anybody = access.guard.require(*Role)
    reader = access.guard.require(*READERS)

    @router.get("/api/execution")
    def execution(_: Principal = Depends(reader)) -> SwitchOut:
        return service.execution.state()

    @router.post("/api/execution/stop", response_model=SwitchOut)
    def stop(
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        return switched(request, person, body, service.execution.stop)

    @router.post("/api/execution/resume", response_model=SwitchOut)
    def resume(
        request: Request,
        person: Principal = Depends(anybody),
        body: bytes = Depends(body_of),
    ) -> Response:
        return switched(request, person, body, service.execution.resume)

    def switched(
        request: Request, person: Principal, body: bytes, do: Callable[..., SwitchOut]
    ) -> Response:
        is_form, document = _document(request, body, ("reason",))
        said = _checked(ReasonIn, document)
        out = do(person, said.reason, "web" if is_form else "api")
        if is_form:
            return RedirectResponse("/runbooks", status_code=303)
        return JSONResponse(out.model_dump(mode="json"))


def catalogue_document(service: ApprovalService) -> dict[str, Any]:
    """All runbooks and steps, with the tiers that count, and the files that cannot be used."""
    listed = [
        {
            "id": runbook.id,
            "title": runbook.title,
            "owner": runbook.owner,
            "sha256": runbook.sha256,
            "steps": [
                {**describe(runbook, step), "tier": tier_of(step).value} for step in runbook.steps
            ],
        }
        for runbook in service.catalogue.all()
    ]
    problems = [
        {"file": name, "problems": problem.problems}
        for name, problem in service.catalogue.problems().items()
    ]
    return {"runbooks": listed, "problems": problems}


def _persons_only(person: Principal) -> None:
    if person.kind != "person":
        raise NotAllowed(
            "only people decide: a machine's token cannot",
            hint="use a person's token, or the page in a browser",
        )


def _document(request: Request, body: bytes, fields: tuple[str, ...]) -> tuple[bool, Any]:
    """(came from a form, the document); of a form only the named fields are taken."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        sent = form_fields(body)
        return True, {name: sent[name] for name in fields if name in sent}
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


def _answer(out: ApprovalOut, *, is_form: bool) -> Response:
    """A form goes back to the incident's page; a program gets the approval."""
    if is_form:
        return RedirectResponse(f"/incidents/{out.incident_id}", status_code=303)
    return JSONResponse(out.model_dump(mode="json"))
