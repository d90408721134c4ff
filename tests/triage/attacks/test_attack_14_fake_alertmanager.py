"""Attack 14: somebody else posts alerts. Refused and counted, never an incident."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from access.principal import Role
from kernel.journal import Stream
from tests.triage.desk import alert, post
from tests.triage.web import application

T = 1_795_000_000_000_000
FAKE = post(alert("fake", T, service="payments", severity="critical"))


@pytest.mark.parametrize("who", ["nobody", "a wrong token", "a person", "a revoked machine"])
def test_attack_14_a_fake_alertmanager_opens_nothing(desk, who):
    tokens = {
        "nobody": "",
        "a wrong token": "tw_" + "x" * 40,
        "a person": desk.person("eve", Role.RESPONDER, Role.OWNER),
        "a revoked machine": desk.person("am", Role.INGEST),
    }
    for known in desk.access.tokens():
        if known["person"] == "am":
            desk.access.revoke_token(known["id"])
    headers = {"authorization": f"Bearer {tokens[who]}"} if tokens[who] else {}
    with TestClient(application(desk)) as web:
        answer = web.post("/webhooks/alertmanager", content=FAKE, headers=headers)
    assert answer.status_code in {401, 403}
    desk.take()
    assert desk.incidents.list() == []
    assert list(desk.reader.read([Stream.ALERT], 0)) == []
    assert sum(desk.incidents.alert_health().refused.values()) == 1
