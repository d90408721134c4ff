"""Every error becomes problem+json or a page, and never shows what is inside."""

from __future__ import annotations

import json
import logging

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from app.errors import OtlpErrorMapping, install_error_mapping
from app.security_headers import HEADERS, SecurityHeaders
from collector.otlp.http import refuse
from kernel.clock import FrozenClock
from kernel.errors import BadInput, Conflict, Unavailable

ERRORS = {
    "input": BadInput("no amount", path="$.data.amount_minor", hint="add it"),
    "conflict": Conflict("somebody was <b>faster</b>"),
    "busy": Unavailable("the disk is full", retry_after_s=7),
    "database": OperationalError("SELECT secret", {}, Exception("disk I/O error")),
    "bug": RuntimeError("the secret is 42"),
}


class Body(BaseModel):
    n: int


@pytest.fixture
def client():
    app = FastAPI()
    install_error_mapping(app, FrozenClock())
    app.add_middleware(SecurityHeaders)

    def fail(name: str) -> None:
        raise ERRORS[name]

    def take(body: list[Body]) -> None:
        del body

    app.get("/api/fail/{name}")(fail)
    app.get("/fail/{name}")(fail)
    app.post("/api/take")(take)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_an_expected_error_names_place_reason_and_next_step(client):
    answer = client.get("/api/fail/input")
    assert answer.status_code == 400
    document = answer.json()
    assert document["code"] == "bad_input"
    assert document["path"] == "$.data.amount_minor"
    assert document["detail"] == "no amount"
    assert document["hint"] == "add it"
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_passes_says_when_to_come_again(client):
    answer = client.get("/api/fail/busy")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")


def test_a_wrong_body_lists_each_place_and_never_repeats_the_input(client):
    answer = client.post("/api/take", json=[{"n": 1}, {"n": "4111111111111111x"}])
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["path"] == "$[1].n"
    assert "4111" not in answer.text


def test_unknown_paths_and_methods_are_problems_too(client):
    assert client.get("/api/nothing").json()["code"] == "not_found"
    assert client.put("/api/take").json()["code"] == "wrong_method"


def test_a_lost_database_is_503_and_not_our_bug(client):
    answer = client.get("/api/fail/database")
    assert answer.status_code == 503
    assert "SELECT" not in answer.text


def test_an_unexpected_error_tells_a_reference_outside_and_the_cause_in_the_log(client, caplog):
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/fail/bug")
    assert answer.status_code == 500
    assert "the secret is" not in answer.text
    assert answer.headers["content-security-policy"] == HEADERS["Content-Security-Policy"]
    logged = [record for record in caplog.records if "http.unexpected_error" in record.message]
    assert len(logged) == 1
    reference = json.loads(answer.text)["detail"].rsplit(" ", 1)[1]
    assert reference in str(logged[0].msg)


def test_a_browser_gets_a_page_with_everything_escaped(client):
    answer = client.get("/fail/conflict", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 409
    assert "&lt;b&gt;faster" in answer.text
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


@pytest.mark.parametrize("kind", ["application/json", "application/x-protobuf"])
def test_a_fault_of_ours_on_the_otlp_port_is_a_status_with_a_reference(kind, caplog):
    async def broken(scope, receive, send):
        raise ZeroDivisionError("secret detail")

    app = OtlpErrorMapping(broken, refuse, FrozenClock())
    answer = TestClient(app).post("/v1/traces", headers={"content-type": kind})
    assert (answer.status_code, answer.headers["content-type"]) == (500, kind)
    assert b"the log names it as " in answer.content
    assert b"secret" not in answer.content
    assert "secret detail" in caplog.text
