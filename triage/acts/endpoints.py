"""HTTP of what people do to incidents: a form of a page or a JSON object, then 303 or the incident.

`POST /api/incidents/{id}/...`: acknowledge, close, severity, silence, unsilence, not-an-incident,
take-over, hand-over, split, merge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from access.guards import form_fields
from access.principal import Principal
from access.service import AccessService
from kernel import strict_json
from kernel.clock import MINUTE_US, parse_rfc3339
from kernel.errors import BadInput, UnsupportedFormat
from triage.acts.judgement import LONGEST_SILENCE_US, MAX_REASON
from triage.acts.regrouping import MOST_SPLIT
from triage.schemas import IncidentOut
from triage.service import ACTING, IncidentService

_FORM = "application/x-www-form-urlencoded"
# Checkboxes of a form: one field each, since a repeated field has one value.
_MEMBER = "member."
_Shape = TypeVar("_Shape", bound=BaseModel)
_Reason = Annotated[str, Field(max_length=4 * MAX_REASON)]
_Id = Annotated[str, Field(max_length=80)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class NothingIn(BaseModel):
    """The address says it all; what else was sent does not matter."""


class SeverityIn(_Body):
    """`severity`: minor | major | critical."""

    severity: str = Field(max_length=20)
    reason: _Reason = ""


class SilenceIn(_Body):
    """Either `minutes` from now or `until`, RFC 3339."""

    minutes: int | None = Field(default=None, ge=1, le=LONGEST_SILENCE_US // MINUTE_US)
    until: str | None = Field(default=None, max_length=40)
    reason: _Reason = ""


class ReasonIn(_Body):
    """Why."""

    reason: _Reason = ""


class HandOverIn(_Body):
    """`to`: a person's id or name."""

    to: _Id
    note: _Reason = ""


class SplitIn(_Body):
    """`members`: the `key`s of the alerts that go."""

    members: list[Annotated[str, Field(max_length=300)]] = Field(max_length=MOST_SPLIT)
    reason: _Reason = ""


class MergeIn(_Body):
    """`into`: the incident that takes the alerts, by id or `INC-n`."""

    into: _Id
    reason: _Reason = ""


async def body_of(request: Request) -> bytes:
    """The raw body, read once."""
    return await request.body()


Act = Callable[[str, Principal, Any], IncidentOut]


def build_router(incidents: IncidentService, access: AccessService) -> APIRouter:
    """One route for each thing that a person can do."""
    router = APIRouter()
    acts = access.guard.require(*ACTING)

    def add(name: str, shape: type[BaseModel], act: Act) -> None:
        @router.post(f"/api/incidents/{{incident_id}}/{name}", response_model=IncidentOut)
        def route(
            incident_id: str,
            request: Request,
            person: Principal = Depends(acts),
            body: bytes = Depends(body_of),
        ) -> Response:
            is_form, document = _document(request, body)
            return _back(act(incident_id, person, _checked(shape, document)), is_form=is_form)

    add("acknowledge", NothingIn, lambda one, who, _: incidents.acknowledge(one, who))
    add("close", NothingIn, lambda one, who, _: incidents.close(one, who))
    add("take-over", NothingIn, lambda one, who, _: incidents.take_over(one, who))
    add("unsilence", NothingIn, lambda one, who, _: incidents.end_silence(one, who))
    add(
        "severity",
        SeverityIn,
        lambda one, who, said: incidents.change_severity(one, who, said.severity, said.reason),
    )
    add(
        "silence",
        SilenceIn,
        lambda one, who, said: incidents.silence(
            one, who, _until(said, incidents.now_us()), said.reason
        ),
    )
    add(
        "not-an-incident",
        ReasonIn,
        lambda one, who, said: incidents.not_an_incident(one, who, said.reason),
    )
    add(
        "hand-over",
        HandOverIn,
        lambda one, who, said: incidents.hand_over(one, who, said.to, said.note),
    )
    add(
        "split",
        SplitIn,
        lambda one, who, said: incidents.split(one, who, said.members, said.reason),
    )
    add("merge", MergeIn, lambda one, who, said: incidents.merge(one, said.into, who, said.reason))
    return router


def _until(said: SilenceIn, now_us: int) -> int:
    if (said.minutes is None) == (said.until is None):
        raise BadInput("name either minutes or until", path="$.minutes")
    if said.minutes is not None:
        return now_us + said.minutes * MINUTE_US
    try:
        return parse_rfc3339(said.until or "")
    except (ValueError, OverflowError) as error:
        raise BadInput(f"that is no time: {error}", path="$.until") from None


def _document(request: Request, body: bytes) -> tuple[bool, Any]:
    """(came from a form, the document)."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _FORM:
        return True, _of_form(form_fields(body))
    if kind not in {"application/json", ""}:
        raise UnsupportedFormat(f"{kind[:80]} is not understood", hint="send JSON or a form")
    return False, strict_json.loads(body) if body.strip() else {}


def _of_form(sent: Mapping[str, str]) -> dict[str, Any]:
    """A form's fields but the CSRF token; ticked alerts become one list."""
    found: dict[str, Any] = {
        name: text
        for name, text in sent.items()
        if name != "csrf" and not name.startswith(_MEMBER) and text.strip()
    }
    members = [text for name, text in sorted(sent.items()) if name.startswith(_MEMBER)]
    return {**found, "members": members} if members else found


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


def _back(done: IncidentOut, *, is_form: bool) -> Response:
    """Forms of pages go back to the page; programs get the incident."""
    if is_form:
        return RedirectResponse(f"/incidents/{done.id}", status_code=303)
    return JSONResponse(done.model_dump(mode="json", by_alias=True))
