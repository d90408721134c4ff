"""Pages for people and their JSON twins at the same addresses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel

from access.guards import Guard, OptionalDependency, csrf_for
from access.principal import READERS, Principal, Role
from dashboards.corrections import waiting_values
from dashboards.deadletter_page import letter_values, list_values
from dashboards.formatting import shown_state, silent
from dashboards.fresh import Fresh
from dashboards.incident_page import WAITING, incident_values
from dashboards.policy_page import policy_values
from dashboards.readers import Readers, document, documents
from dashboards.rendering import Templates
from dashboards.sentences import overview_sentence, worst_first
from dashboards.slo_page import budget_forecast, slo_values
from kernel.clock import SECOND_US
from kernel.errors import NotAuthenticated

NAVIGATION = (
    ("/", "Overview"),
    ("/incidents", "Incidents"),
    ("/policy", "Policy"),
    ("/runbooks", "Runbooks"),
    ("/audit", "Audit"),
    ("/deadletters", "Rejected"),
)
_PAGE_RECORDS = 50
# All objectives cost the most to read; the open overviews of a team share one answer.
_SLOS_FRESH_US = 2 * SECOND_US
GLOSSARY = Path(__file__).parent / "content" / "glossary.md"


class Pages:
    """Renders what the routes below hand it; knows who reads and whether JSON is wanted."""

    def __init__(self, readers: Readers, templates: Templates) -> None:
        self._readers = readers
        self._templates = templates

    def answer(
        self,
        request: Request,
        reader: Principal | None,
        template: str,
        values: dict[str, Any],
        *,
        twin: Callable[[], Any],
    ) -> Response:
        """The page, the JSON twin, or the way to the login page."""
        if reader is None:
            if _wants_json(request):
                raise NotAuthenticated(
                    "this needs to know who you are", hint="send `Authorization: Bearer <token>`"
                )
            return RedirectResponse(f"/login?next={quote(_target(request))}", status_code=303)
        if _wants_json(request):
            return JSONResponse(twin(), headers=_NO_STORE)
        html = self._templates.render(
            template,
            reader=reader,
            may_decide=reader.kind == "person" and reader.has(*_DECIDERS),
            may_override=reader.kind == "person" and reader.has(Role.OWNER),
            may_switch=reader.kind == "person" and reader.has(Role.OWNER, Role.ADMIN),
            may_replay=reader.has(*_REPLAYERS),
            csrf=csrf_for(request),
            nav=NAVIGATION,
            here=request.url.path,
            path=_target(request),
            simulation=self._readers.simulation,
            execution=document(self._readers.execution()),
            stale=self._readers.stale(),
            **{"live": "", **values},
        )
        return HTMLResponse(html, headers=_NO_STORE)

    def login(self, request: Request) -> Response:
        """The login form; `failed` says that the last try did not fit."""
        failed = request.query_params.get("failed")
        html = self._templates.render(
            "login.html",
            reader=None,
            live="",
            stale="",
            simulation=self._readers.simulation,
            next=request.query_params.get("next", "/"),
            error="This token is not known. Look at it again, or ask an admin." if failed else "",
        )
        return HTMLResponse(html, headers=_NO_STORE)


# Who acts on incidents and steps; the owning features check it again, and more exactly.
_DECIDERS = (Role.RESPONDER, Role.APPROVER, Role.OWNER)
_REPLAYERS = (Role.RESPONDER, Role.ADMIN)
_NO_STORE = {"Cache-Control": "no-store", "Vary": "Accept"}


def build_router(readers: Readers, templates: Templates, guard: Guard) -> APIRouter:
    """All pages. They never write: forms post to the owning feature and come back by 303."""
    router = APIRouter(include_in_schema=False)
    pages = Pages(readers, templates)
    slos_now = Fresh(readers.slos, readers.clock, _SLOS_FRESH_US)
    who = Depends(_reader_of(guard))

    @router.get("/login")
    def login(request: Request) -> Response:
        return pages.login(request)

    @router.get("/")
    def overview(request: Request, reader: Principal | None = who) -> Response:
        values = _overview(readers, slos_now) if reader else {}
        twin = {key: values[key] for key in ("sentence", "slos", "incidents")} if values else {}
        return pages.answer(request, reader, "overview.html", values, twin=lambda: twin)

    @router.get("/slos/{slo_id}")
    def slo(request: Request, slo_id: str, reader: Principal | None = who) -> Response:
        span = request.query_params.get("range", "6h")
        values = slo_values(readers, slo_id, span) if reader else {}
        return pages.answer(request, reader, "slo.html", values, twin=lambda: values["slo"])

    @router.get("/incidents")
    def incidents(request: Request, reader: Principal | None = who) -> Response:
        found = documents(readers.incidents()) if reader else []
        values = {"incidents": found, "live": "records"}
        return pages.answer(request, reader, "incidents.html", values, twin=lambda: found)

    @router.get("/incidents/{incident_id}")
    def incident(request: Request, incident_id: str, reader: Principal | None = who) -> Response:
        values = incident_values(readers, incident_id) if reader else {}
        page = pages.answer
        return page(request, reader, "incident.html", values, twin=lambda: values["incident"])

    _add_reference_pages(router, readers, pages, who)
    return router


def _reader_of(guard: Guard) -> OptionalDependency:
    """Whoever may look, or None where nobody says who they are. Others get 403, recorded."""
    anybody, readers_only = guard.optional(), guard.require(*READERS)

    async def dependency(request: Request) -> Principal | None:
        asking = await anybody(request)
        if asking is None or asking.has(*READERS):
            return asking
        return await readers_only(request)

    return dependency


def _add_reference_pages(router: APIRouter, readers: Readers, pages: Pages, who: Any) -> None:
    @router.get("/runbooks")
    def runbooks(request: Request, reader: Principal | None = who) -> Response:
        found = list(readers.runbooks()) if reader else []
        return pages.answer(
            request, reader, "runbooks.html", {"runbooks": found}, twin=lambda: found
        )

    @router.get("/runbooks/{runbook_id}")
    def runbook(request: Request, runbook_id: str, reader: Principal | None = who) -> Response:
        found = readers.runbook(runbook_id) if reader else {}
        return pages.answer(request, reader, "runbook.html", {"runbook": found}, twin=lambda: found)

    @router.get("/policy")
    def policy(request: Request, reader: Principal | None = who) -> Response:
        values = policy_values(readers) if reader else {}
        return pages.answer(request, reader, "policy.html", values, twin=lambda: values["policy"])

    @router.get("/audit")
    def audit(request: Request, reader: Principal | None = who) -> Response:
        values = _audit(readers, request) if reader else {}
        return pages.answer(request, reader, "audit.html", values, twin=lambda: values["records"])

    @router.get("/deadletters")
    def deadletters(request: Request, reader: Principal | None = who) -> Response:
        values = list_values(readers, request.query_params) if reader else {}
        twin = {key: values[key] for key in ("deadletters", "totals", "alerts")} if values else {}
        return pages.answer(request, reader, "deadletters.html", values, twin=lambda: twin)

    @router.get("/deadletters/{letter_id}")
    def deadletter(request: Request, letter_id: str, reader: Principal | None = who) -> Response:
        values = letter_values(readers, letter_id) if reader else {}
        page = pages.answer
        return page(request, reader, "deadletter.html", values, twin=lambda: values["letter"])

    @router.get("/glossary")
    def glossary(request: Request, reader: Principal | None = who) -> Response:
        words = {"glossary": GLOSSARY.read_text()}
        return pages.answer(request, reader, "glossary.html", words, twin=lambda: words)


def _overview(readers: Readers, slos_now: Callable[[], Sequence[BaseModel]]) -> dict[str, Any]:
    slos = worst_first(documents(slos_now()))
    incidents = documents(readers.incidents())
    running = [one for one in incidents if one["state"] != "resolved"]
    waiting = [one for one in documents(readers.approvals(None)) if one["state"] in WAITING]
    counts = {
        state: sum(1 for slo in slos if shown_state(slo) == state)
        for state in ("broken", "at_risk", "ok", "no_data")
    }
    return {
        "sentence": overview_sentence(slos, len(running)),
        "slos": slos,
        "gone": {slo["id"]: budget_forecast(readers, slo) for slo in slos if slo["alerts"]},
        "incidents": running,
        "recent": [one for one in incidents if one["state"] == "resolved"][:5],
        "silent": sorted({slo["reason"] for slo in slos if silent(slo)} - {""}),
        "waiting": waiting,
        "corrections_waiting": waiting_values(readers),
        "counts": counts,
        "alerts": document(readers.alert_health()),
        "live": "counts",
    }


def _audit(readers: Readers, request: Request) -> dict[str, Any]:
    before = request.query_params.get("before", "")
    kind = request.query_params.get("type", "")
    incident = request.query_params.get("incident", "")
    start = int(before) if before.isdecimal() and len(before) < 16 else -1
    records = documents(readers.records(start, kind, incident))
    checkpoint = readers.checkpoint()
    last = records[-1]["seq"] if len(records) >= _PAGE_RECORDS else None
    return {
        "records": records,
        "checkpoint": document(checkpoint) if checkpoint else None,
        "type": kind,
        "filter_incident": incident,
        "older": last,
        "live": "" if before else "records",
    }


def _wants_json(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    return "application/json" in accept and "text/html" not in accept


def _target(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.path}{query}"
