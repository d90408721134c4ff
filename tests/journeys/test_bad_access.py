"""Who is not known, not entitled, or not who they say: refused, told why, and without effect."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import httpx2
import pytest

from app.fakes.slack_server import FakeSlack
from tests.journeys.refusals import JSON, MIB, NEVER, SECRET, check_problem
from tests.journeys.running import RunningService, command, until
from tests.journeys.shop import now_us


@pytest.fixture(scope="module")
def service(strict_service) -> RunningService:
    return strict_service


@pytest.fixture(scope="module")
def tokens(service) -> dict[str, str]:
    """Tokens that are not good (any more), and ones that are not good enough."""
    made = {
        "ingest": service.token_for("machine", "ingest", machine=True),
        "viewer": service.token_for("reader", "viewer"),
        "expired": service.token_for("gone", "viewer", "ingest"),
        "revoked": service.token_for("sacked", "viewer", "ingest"),
    }
    code, listed = command(["token", "list", "--data-dir", str(service.data_dir)])
    assert code == 0
    ids = {row["person"]: row["id"] for row in listed["tokens"]}
    code, _ = command(["token", "revoke", ids["sacked"], "--data-dir", str(service.data_dir)])
    assert code == 0
    with closing(sqlite3.connect(service.data_dir / "control.db", timeout=20)) as database:
        past_us = now_us() - 1
        sql = "UPDATE token SET expires_us = ? WHERE id = ?"
        assert database.execute(sql, (past_us, ids["gone"])).rowcount == 1
        database.commit()
    for name in ("expired", "revoked"):
        asked = {"Authorization": f"Bearer {made[name]}"}
        until(
            lambda asked=asked: (
                httpx2.get(f"{service.url}/api/me", headers=asked).status_code == 401
            ),
            f"the {name} token is not known any more",
        )
    return made


PLACES = [("GET", "/api/slos"), ("POST", "/api/events"), ("GET", "/api/events"), ("GET", "/audit")]
PLACES += [("POST", "/api/changes"), ("POST", f"/api/approvals/{NEVER}/decision")]
PLACES += [("POST", "/webhooks/alertmanager"), ("GET", "/api/runbooks"), ("GET", "/")]


@pytest.mark.parametrize(("method", "target"), PLACES)
def test_nobody_gets_in_with_a_bad_token(service, tokens, method, target):
    shown = ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer " + "x" * 5_000]
    shown += [f"Bearer {tokens['expired']}", f"Bearer {tokens['revoked']}", f"bearer {'a' * 43}"]
    for authorization in shown:
        headers = {"Accept": JSON, "Content-Type": JSON}
        if authorization:
            headers["Authorization"] = authorization
        answer = httpx2.request(method, service.url + target, headers=headers)
        check_problem(answer, 401, "not_authenticated")
        assert "Bearer" in answer.headers["www-authenticate"]


REFUSED = [
    ("ingest", "GET", "/api/slos"),
    ("ingest", "GET", "/api/events"),
    ("ingest", "GET", "/api/incidents"),
    ("ingest", "POST", f"/api/approvals/{NEVER}/decision"),
    ("viewer", "POST", "/api/events"),
    ("viewer", "POST", "/webhooks/alertmanager"),
    ("viewer", "POST", "/api/incidents/INC-1/acknowledge"),
]


@pytest.mark.parametrize(("who", "method", "target"), REFUSED)
def test_nobody_does_what_their_role_does_not_allow(service, tokens, who, method, target):
    headers = {"Authorization": f"Bearer {tokens[who]}", "Accept": JSON, "Content-Type": JSON}
    answer = httpx2.request(method, service.url + target, headers=headers, content=b"{}")
    check_problem(answer, 403, "not_allowed")


def test_a_forged_slack_request_is_refused(service):
    url = f"{service.url}/slack/interactions"
    body = b"payload=%7B%7D"
    now_s = now_us() // 1_000_000
    forged = FakeSlack("another-secret").headers(body, now_s)
    for headers in (forged, {}, {"X-Slack-Signature": "v0=", "X-Slack-Request-Timestamp": "1"}):
        check_problem(httpx2.post(url, content=body, headers=headers), 401, "not_authenticated")
    signed = FakeSlack(SECRET)
    for bad in (b"", b"payload=", b"payload=%7B", b"payload=7", b"payload=%7B%7D", b"x" * 70_000):
        answer = httpx2.post(url, content=bad, headers=signed.headers(bad, now_s))
        check_problem(answer, 400, "bad_input", "*")
    large = b"payload=" + b"x" * (2 * MIB)
    answer = httpx2.post(url, content=large, headers=signed.headers(large, now_s))
    check_problem(answer, 413, "too_large")


def test_alerts_that_are_too_many_are_refused_and_the_refusal_is_shown(service, http):
    answer = http.post("/webhooks/alertmanager", content=b" " * (17 * MIB))
    check_problem(answer, 413, "too_large")
    assert service.client.get("/api/alerts/health")["refused"]["413"] >= 1
