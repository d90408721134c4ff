"""The receiver of alerts and the incidents' JSON over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from access.principal import Principal, Role
from app.body_limit import DEFAULT_RULES
from kernel.errors import NotAllowed
from kernel.journal import Stream
from tests.triage.desk import Desk, alert, post
from tests.triage.web import application
from triage.endpoints import MAX_BODY

T = 1_795_000_000_000_000
HOOK = "/webhooks/alertmanager"


@pytest.fixture
def web(desk: Desk) -> Iterator[TestClient]:
    with TestClient(application(desk)) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def stored(desk: Desk) -> list[bytes]:
    return [record.body for record in desk.reader.read([Stream.ALERT], 0)]


def test_a_post_is_on_disk_before_it_is_accepted(desk, web):
    body = post(alert("f1", T))
    answer = web.post(HOOK, content=body, headers=bearer(desk.person("am", Role.INGEST)))
    assert answer.status_code == 202
    assert stored(desk) == [body]
    position = desk.reader.receipt(answer.json()["receipt"])["position"]
    assert position == desk.reader.head().position
    assert desk.incidents.list() == []
    desk.take()
    assert len(desk.incidents.list()) == 1


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"alerts": 7}', b"\xff\xfe"])
def test_whatever_comes_is_accepted_and_kept(desk, web, body):
    answer = web.post(HOOK, content=body, headers=bearer(desk.person("am", Role.INGEST)))
    assert answer.status_code == 202
    desk.take()
    assert len(desk.incidents.alert_health().quarantined) == 1


def test_nothing_unscanned_reaches_the_disk(desk, web):
    summary = "card 4111 1111 1111 1111 of anna@example.com"
    body = post(alert("f1", T, detail=summary))
    web.post(HOOK, content=body, headers=bearer(desk.person("am", Role.INGEST)))
    raw = (stored(desk)[0]).decode()
    assert "4111" not in raw
    assert "anna" not in raw
    desk.take()
    labels = desk.incidents.show("INC-1").alerts[0].labels
    assert re.fullmatch(r"card \[pan:1111\] of \[email:[0-9a-f]{16}\]", labels["detail"])


def test_when_it_cannot_be_stored_the_sender_is_asked_to_come_back(desk, web):
    token = desk.person("am", Role.INGEST)
    desk.journal.close()
    answer = web.post(HOOK, content=post(alert("f1", T)), headers=bearer(token))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "2"


def test_a_refused_post_is_counted_kept_and_told_once(desk, web):
    viewer = desk.person("eve", Role.VIEWER)
    assert web.post(HOOK, content=b"{}").status_code == 401
    assert web.post(HOOK, content=b"{}", headers=bearer("tw_wrong")).status_code == 401
    assert web.post(HOOK, content=b"{}", headers=bearer(viewer)).status_code == 403
    health = desk.incidents.alert_health()
    assert health.refused == {"401": 2, "403": 1}
    assert len(health.refused_posts) == 3
    assert len(desk.notices) == 2
    assert stored(desk) == []
    desk.clock.advance_s(3600)
    web.post(HOOK, content=b"{}")
    assert len(desk.notices) == 3


def test_the_list_of_refused_posts_is_bounded(desk):
    for n in range(120):
        desk.clock.advance_s(1)
        desk.incidents.refused_post(401, f"reason {n}", "127.0.0.1")
    with desk.database.reading() as session:
        from triage import receiver_rows

        rows, counts = receiver_rows.refused_posts(session, limit=1000)
    assert len(rows) == 100
    assert rows[0].reason == "reason 119"
    assert counts[0].count == 120


def test_a_flood_of_refused_posts_costs_the_database_little_and_loses_no_count(desk):
    for n in range(500):
        desk.incidents.refused_post(401, f"reason {n}", "127.0.0.1")
    assert desk.incidents.alert_health().refused == {"401": 60}
    desk.clock.advance_s(60)
    desk.incidents.refused_post(401, "the next minute", "127.0.0.1")
    assert desk.incidents.alert_health().refused == {"401": 501}


def test_a_post_beyond_sixteen_mebibytes_is_refused_and_known(desk, web):
    token = desk.person("am", Role.INGEST)
    answer = web.post(HOOK, content=b"x" * (MAX_BODY + 1), headers=bearer(token))
    assert answer.status_code == 413
    assert desk.incidents.alert_health().refused == {"413": 1}


def test_the_middleware_leaves_the_refusal_of_a_large_post_to_the_receiver():
    assert next(rule for rule in DEFAULT_RULES if rule.prefix == HOOK).max_bytes > MAX_BODY


def test_who_may_only_look_takes_no_incident_whichever_way_they_ask(desk):
    desk.burn("a1", "payment-success", "payments")
    vera = Principal("p-vera", "vera", "person", frozenset({Role.VIEWER}), "slack")
    for act in (desk.incidents.acknowledge, desk.incidents.close):
        with pytest.raises(NotAllowed, match="roles: responder"):
            act("INC-1", vera)
    assert desk.incidents.show("INC-1").state == "open"


def test_the_incidents_json_has_its_promised_keys(desk, web):
    token = desk.person("vera", Role.VIEWER)
    desk.burn("a1", "payment-success", "payments")
    line = web.get("/api/incidents", headers=bearer(token)).json()["incidents"][0]
    found = web.get(f"/api/incidents/{line['id']}", headers=bearer(token)).json()
    assert {
        "id", "state", "severity", "title", "opened_at", "resolved_at", "slos", "alerts",
        "evidence", "brief", "proposals",
    } <= found.keys()  # fmt: skip
    assert {"source", "fingerprint", "status", "starts_at", "ends_at", "joined_by"} <= (
        found["alerts"][0].keys()
    )
    assert found == web.get("/api/incidents/INC-1", headers=bearer(token)).json()
    assert web.get("/api/incidents?state=resolved", headers=bearer(token)).json() == {
        "incidents": []
    }
    assert web.get("/api/incidents?state=nonsense", headers=bearer(token)).status_code == 400
    assert web.get("/api/incidents/INC-9", headers=bearer(token)).status_code == 404
    assert web.get("/api/incidents").status_code == 401


def test_a_responder_acknowledges_and_it_is_audited(desk, web):
    desk.burn("a1", "payment-success", "payments")
    viewer = desk.person("vera", Role.VIEWER)
    responder = desk.person("rob", Role.RESPONDER)
    path = "/api/incidents/INC-1/acknowledge"
    assert web.post(path, headers=bearer(viewer)).status_code == 403
    found = web.post(path, headers=bearer(responder)).json()
    assert found["state"] == "acknowledged"
    assert found["acknowledged_by"] == desk.access.person_id_of("rob")
    web.post(path, headers=bearer(responder))
    timeline = web.get("/api/incidents/INC-1/timeline", headers=bearer(viewer)).json()
    assert [one["what"] for one in timeline] == ["Incident opened", "Acknowledged"]
    assert timeline[1]["actor_kind"] == "human"


def test_a_form_goes_back_to_the_page(desk, web):
    desk.burn("a1", "payment-success", "payments")
    answer = web.post(
        "/api/incidents/INC-1/acknowledge",
        headers={
            **bearer(desk.person("rob", Role.RESPONDER)),
            "content-type": "application/x-www-form-urlencoded",
        },
        content="",
        follow_redirects=False,
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/incidents/{desk.incidents.list()[0].id}"


def test_closing_needs_a_stale_incident(desk, web):
    responder = bearer(desk.person("rob", Role.RESPONDER))
    desk.post(post(alert("f1", T)))
    desk.take()
    assert web.post("/api/incidents/INC-1/close", headers=responder).status_code == 409
    desk.clock.advance_s(9 * 3600)
    desk.upkeep.run()
    assert web.post("/api/incidents/INC-1/close", headers=responder).json()["state"] == "resolved"


def test_the_health_of_the_receiver_is_readable(desk, web):
    body = json.loads(post(alert("f1", T)))
    body["truncatedAlerts"] = 3
    desk.post(json.dumps(body).encode())
    desk.take()
    token = desk.person("vera", Role.VIEWER)
    found = web.get("/api/alerts/health", headers=bearer(token)).json()
    assert found["truncated"] == 3
