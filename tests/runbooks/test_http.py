"""Approvals over HTTP, with real tokens and sessions."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from access.principal import Role, local_principal
from access.service import AccessService
from access.settings import AccessSettings
from kernel.errors import TillwatchError
from runbooks.endpoints import build_router
from tests.runbooks.world import World

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Site:
    """The API of one installation and tokens of the people in it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.access = AccessService(world.database, world.log, world.clock, AccessSettings())
        app = FastAPI()
        app.include_router(build_router(world.service, self.access))

        def failed(_: Request, error: Exception) -> JSONResponse:
            assert isinstance(error, TillwatchError)
            return JSONResponse({"detail": error.message}, status_code=error.status)

        app.add_exception_handler(TillwatchError, failed)
        self.http = TestClient(app)

    def token(self, name: str, *roles: Role, kind: str = "person") -> str:
        who = self.access.create_person(name, kind=kind, roles=roles, by=local_principal())
        return self.access.create_token(who, by=local_principal())

    def headers(self, name: str, *roles: Role, kind: str = "person") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(name, *roles, kind=kind)}"}


@pytest.fixture
def site(world: World) -> Iterator[Site]:
    made = Site(world)
    with made.http:
        yield made


def test_a_responder_approves_by_json(site: Site) -> None:
    shown = site.world.pending()
    headers = site.headers("ann", Role.RESPONDER)
    path = f"/api/approvals/{shown.id}"
    seen = site.http.get(path, headers=headers).json()
    assert seen["state"] == "pending"
    assert seen["expires_at"].endswith("Z")
    body = {"decision": "approve", "shown_hash": seen["digest"], "reason": "go"}
    answer = site.http.post(f"{path}/decision", headers=headers, json=body)
    assert answer.status_code == 200
    assert answer.json()["state"] == "approved"
    assert answer.json()["decided_by"] == "ann"
    listed = site.http.get("/api/approvals?state=approved", headers=headers).json()
    assert [one["id"] for one in listed["approvals"]] == [shown.id]


def test_a_form_comes_back_to_the_incident(site: Site) -> None:
    shown = site.world.pending()
    token = site.token("ann", Role.RESPONDER)
    cookie = site.access.login(token)
    site.http.cookies.set("tillwatch_session", cookie)
    fields = {"decision": "reject", "shown_hash": shown.digest, "reason": "not now"}
    path = f"/api/approvals/{shown.id}/decision"
    without = site.http.post(path, headers=FORM, content=urlencode(fields))
    assert without.status_code == 403
    fields["csrf"] = site.access.csrf_token(cookie)
    answer = site.http.post(path, headers=FORM, content=urlencode(fields), follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/incidents/incident-1"
    out = site.world.service.approval(shown.id)
    assert (out.state, out.votes[0].channel, out.reason) == ("rejected", "web", "not now")


def test_a_machine_reads_nothing_and_decides_nothing(site: Site) -> None:
    shown = site.world.pending()
    headers = site.headers("bot", Role.INGEST, kind="machine")
    body = {"decision": "approve", "shown_hash": shown.digest}
    path = f"/api/approvals/{shown.id}"
    assert site.http.post(f"{path}/decision", headers=headers, json=body).status_code == 403
    assert site.http.post(f"{path}/confirmation", headers=headers, json={}).status_code == 403
    assert site.http.get(path, headers=headers).status_code == 403
    assert site.http.get(path).status_code == 401
    assert site.world.state(shown.id) == "pending"


def test_a_viewer_reads_and_cannot_decide(site: Site) -> None:
    shown = site.world.pending()
    headers = site.headers("vera", Role.VIEWER)
    path = f"/api/approvals/{shown.id}"
    assert site.http.get(path, headers=headers).status_code == 200
    body = {"decision": "approve", "shown_hash": shown.digest}
    assert site.http.post(f"{path}/decision", headers=headers, json=body).status_code == 403
    assert site.http.get("/api/runbooks", headers=headers).json()["problems"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"decision": "approve"}', 400),
        (b'{"decision": "approve", "shown_hash": "x", "decision": "reject"}', 400),
        (b'{"decision": "approve", "shown_hash": "x", "tier": "R0"}', 400),
        (b'{"decision": "perhaps", "shown_hash": "x"}', 400),
        (b'{"decision": "approve", "shown_hash": "x", "simulated": true}', 400),
        (b'{"decision": "approve", "shown_hash": "x"}', 409),
    ],
)
def test_what_cannot_be_used_is_refused(site: Site, body: bytes, status: int) -> None:
    shown = site.world.pending()
    headers = {**site.headers("ann", Role.RESPONDER), "Content-Type": "application/json"}
    answer = site.http.post(f"/api/approvals/{shown.id}/decision", headers=headers, content=body)
    assert answer.status_code == status, answer.text
    assert site.world.state(shown.id) == "pending"


def test_an_unknown_approval_is_not_found(site: Site) -> None:
    headers = site.headers("ann", Role.RESPONDER)
    assert site.http.get("/api/approvals/x", headers=headers).status_code == 404
    assert site.http.get("/api/approvals?state=x", headers=headers).status_code == 400


def test_an_approval_is_taken_back_over_http_with_a_reason(site: Site) -> None:
    shown = site.world.approved()
    headers = site.headers("ann", Role.RESPONDER)
    path = f"/api/approvals/{shown.id}/revocation"
    assert site.http.post(path, headers=headers, json={}).status_code == 400
    assert site.http.post(path, headers=headers, json={"reason": " "}).status_code == 400
    viewer = site.headers("vera", Role.VIEWER)
    assert site.http.post(path, headers=viewer, json={"reason": "no"}).status_code == 403
    machine = site.headers("bot", Role.INGEST, kind="machine")
    assert site.http.post(path, headers=machine, json={"reason": "no"}).status_code == 403
    answer = site.http.post(path, headers=headers, json={"reason": "the provider is back"})
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    assert site.http.post(path, headers=headers, json={"reason": "again"}).status_code == 409


def test_execution_is_switched_off_and_on_over_http(site: Site) -> None:
    shown = site.world.pending()
    owner, viewer = site.headers("olga", Role.OWNER), site.headers("vera", Role.VIEWER)
    assert site.http.get("/api/execution", headers=viewer).json()["stopped"] is False
    body = {"reason": "the flags look wrong"}
    refused = site.http.post("/api/execution/stop", headers=viewer, json=body)
    assert refused.status_code == 403
    answer = site.http.post("/api/execution/stop", headers=owner, json=body)
    assert answer.status_code == 200
    assert (answer.json()["stopped"], answer.json()["cancelled"]) == (True, 1)
    assert site.http.post("/api/execution/stop", headers=owner, json=body).status_code == 409
    seen = site.http.get("/api/execution", headers=viewer).json()
    assert (seen["by"], seen["reason"]) == ("olga", "the flags look wrong")
    assert site.world.state(shown.id) == "cancelled"
    answer = site.http.post("/api/execution/resume", headers=owner, json={"reason": "fine"})
    assert answer.json()["stopped"] is False


def test_the_switch_as_a_form_comes_back_to_its_page(site: Site) -> None:
    cookie = site.access.login(site.token("olga", Role.OWNER))
    site.http.cookies.set("tillwatch_session", cookie)
    fields = {"reason": "stop"}
    without = site.http.post("/api/execution/stop", headers=FORM, content=urlencode(fields))
    assert without.status_code == 403
    assert not site.world.service.execution.state().stopped
    fields["csrf"] = site.access.csrf_token(cookie)
    answer = site.http.post(
        "/api/execution/stop", headers=FORM, content=urlencode(fields), follow_redirects=False
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/runbooks")
    assert site.world.service.execution.state().stopped
