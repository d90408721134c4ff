"""What people do to incidents, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from access.principal import Role
from kernel.clock import HOUR_US, MINUTE_US, rfc3339
from tests.triage.desk import Desk, alert, post
from tests.triage.web import application

T = 1_795_000_000_000_000
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def web(desk: Desk) -> Iterator[TestClient]:
    desk.post(post(alert("f1", T, service="payments"), alert("f2", T, service="mail")))
    desk.take()
    with TestClient(application(desk), follow_redirects=False) as client:
        client.headers["authorization"] = f"Bearer {desk.person('rob', Role.RESPONDER)}"
        yield client


def act(web, name, said=None, incident="INC-1"):
    return web.post(f"/api/incidents/{incident}/{name}", json=said or {})


def test_everything_a_person_can_say_has_a_route(desk, web):
    rob = desk.access.person_id_of("rob")
    assert act(web, "severity", {"severity": "critical"}).json()["severity_by"] == rob
    silenced = act(web, "silence", {"minutes": 30, "reason": "we know"}).json()
    assert silenced["silenced_until"] == rfc3339(desk.clock.now_us() + 30 * MINUTE_US)
    until = rfc3339(desk.clock.now_us() + HOUR_US)
    assert act(web, "silence", {"until": until}).json()["silenced_until"] == until
    assert act(web, "unsilence").json()["silenced_until"] is None
    assert act(web, "take-over").json()["taken_by"] == rob
    desk.person("eve", Role.OWNER)
    handed = act(web, "hand-over", {"to": "eve", "note": "look"}).json()
    assert (handed["taken_by"], handed["handover_note"]) == (
        desk.access.person_id_of("eve"),
        "look",
    )
    key = handed["alerts"][1]["key"]
    split = act(web, "split", {"members": [key], "reason": "other cause"}).json()
    assert (split["number"], split["alerts"][0]["key"]) == ("INC-2", key)
    merged = act(web, "merge", {"into": "INC-1", "reason": "same"}, "INC-2").json()
    assert (merged["number"], merged["merged_from"]) == ("INC-1", ["INC-2"])
    dismissed = act(web, "not-an-incident", {"reason": "a drill"}).json()
    assert (dismissed["state"], dismissed["resolution"]) == ("resolved", "not_an_incident")


@pytest.mark.parametrize(
    ("name", "said", "path"),
    [
        ("severity", {}, "severity"),
        ("severity", {"severity": "huge"}, "severity"),
        ("severity", {"severity": "minor", "sev": 1}, "sev"),
        ("silence", {}, "minutes"),
        ("silence", {"minutes": 0}, "minutes"),
        ("silence", {"minutes": 1441}, "minutes"),
        ("silence", {"minutes": 5, "until": "2026-12-01T00:00:00Z"}, "minutes"),
        ("silence", {"until": "soon"}, "until"),
        ("not-an-incident", {}, "reason"),
        ("hand-over", {"to": "nobody"}, "to"),
        ("split", {"members": [], "reason": "x"}, "members"),
        ("split", {"members": "f1", "reason": "x"}, "members"),
        ("merge", {"into": "INC-1", "reason": "x"}, "into"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(desk, web, name, said, path):
    before = desk.incidents.show("INC-1")
    answer = act(web, name, said)
    assert answer.status_code == 400, answer.text
    assert desk.incidents.show("INC-1") == before


def test_ticked_alerts_of_a_form_go_together(desk, web):
    desk.post(post(alert("f3", T, service="search")))
    desk.take()
    keys = [one.key for one in desk.incidents.show("INC-1").alerts]
    answer = web.post(
        "/api/incidents/INC-1/split",
        data={"csrf": "x", "member.0": keys[0], "member.2": keys[2], "reason": "other cause"},
    )
    assert answer.status_code == 303
    new = desk.incidents.show("INC-2")
    assert answer.headers["location"] == f"/incidents/{new.id}"
    assert [one.key for one in new.alerts] == [keys[0], keys[2]]


def test_who_only_looks_is_refused(desk, web):
    web.headers["authorization"] = f"Bearer {desk.person('vera', Role.VIEWER)}"
    for name in ("severity", "silence", "unsilence", "not-an-incident", "take-over", "merge"):
        assert act(web, name).status_code == 403


def test_a_body_that_is_neither_form_nor_json_is_refused(web):
    answer = web.post(
        "/api/incidents/INC-1/severity", content=b"x", headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 415
