"""A real Alertmanager tells the running service; a half-broken post loses nothing but its half."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest

from kernel.clock import SECOND_US, rfc3339
from tests.journeys.running import RunningService, until
from tests.journeys.shop import now_us
from tests.triage.peers import alertmanager


def config(url: str, token: str) -> str:
    return f"""
route: {{receiver: tillwatch, group_by: [slo], group_wait: 0s, group_interval: 1s}}
receivers:
- name: tillwatch
  webhook_configs:
  - url: {url}/webhooks/alertmanager
    send_resolved: true
    http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


def push(address: str, labels: dict[str, str], start_us: int, *, ended: bool) -> None:
    """What Prometheus would post to Alertmanager."""
    ends_us = now_us() - SECOND_US // 10 if ended else now_us() + 600 * SECOND_US
    alert = {
        "labels": labels,
        "annotations": {"summary": "payments burn"},
        "startsAt": rfc3339(start_us),
        "endsAt": rfc3339(ends_us),
    }
    assert httpx2.post(f"{address}/api/v2/alerts", json=[alert]).status_code == 200


def incidents_with(service: RunningService, alertname: str) -> list[dict[str, Any]]:
    lines = service.client.get("/api/incidents")["incidents"]
    whole = [service.client.get(f"/api/incidents/{one['id']}") for one in lines]
    return [
        one for one in whole if any(a["labels"]["alertname"] == alertname for a in one["alerts"])
    ]


@pytest.mark.real
def test_a_real_alertmanager_opens_and_closes_exactly_one_incident(service, tmp_path):
    token = service.token_for("alertmanager", "ingest", machine=True)
    labels = {
        "alertname": "PaymentBurnFast",
        "slo": "payment-success",
        "service": "payments",
        "severity": "page",
    }
    start_us = now_us() - 5 * SECOND_US
    with alertmanager(tmp_path / "am", config(service.url, token)) as address:
        push(address, labels, start_us, ended=False)
        until(lambda: incidents_with(service, "PaymentBurnFast"), "an incident opens")
        until(lambda: incidents_with(service, "PaymentBurnFast")[0]["brief"], "it has a brief")
        push(address, labels, start_us, ended=True)

        def resolved() -> bool:
            return incidents_with(service, "PaymentBurnFast")[0]["state"] == "resolved"

        until(resolved, "the incident closes")
    (incident,) = incidents_with(service, "PaymentBurnFast")
    (alert,) = incident["alerts"]
    assert (alert["source"], alert["status"]) == ("alertmanager", "resolved")
    assert alert["starts_at"] == rfc3339(start_us)
    assert incident["slos"] == ["payment-success"]
    assert incident["resolved_at"]
    kinds = [one["type"] for one in service.audit(incident=incident["id"])]
    assert kinds.count("incident.opened") == 1
    assert kinds.count("incident.resolved") == 1
    assert service.client.get("/api/alerts/health")["refused"] == {}


def test_one_unparsable_alert_of_five_loses_none_of_the_other_four(service):
    before = service.client.get("/api/alerts/health")["quarantined"]
    alerts: list[dict[str, Any]] = [
        {
            "status": "firing",
            "labels": {"alertname": f"Batch{n}", "service": f"batch-{n}", "severity": "page"},
            "annotations": {"summary": f"alert {n}"},
            "startsAt": rfc3339(now_us()),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": f"{n:016x}",
        }
        for n in range(5)
    ]
    alerts[2]["startsAt"] = "the day before yesterday"
    post = {
        "version": "4",
        "status": "firing",
        "groupKey": "{}:{}",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "truncatedAlerts": 0,
        "receiver": "tillwatch",
        "alerts": alerts,
    }
    answer = service.client.post("/webhooks/alertmanager", post)

    def taken() -> set[str]:
        lines = service.client.get("/api/incidents")["incidents"]
        whole = [service.client.get(f"/api/incidents/{one['id']}") for one in lines]
        names = {alert["labels"]["alertname"] for one in whole for alert in one["alerts"]}
        return {name for name in names if name.startswith("Batch")}

    until(lambda: len(taken()) >= 4, "the other four are taken")
    assert taken() == {"Batch0", "Batch1", "Batch3", "Batch4"}
    quarantined = service.client.get("/api/alerts/health")["quarantined"]
    (new,) = [one for one in quarantined if one not in before]
    assert new["item"] == 2
    assert new["receipt"] == answer["receipt"]
    assert new["reason"]


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"alert"', b"\xff\xfe", json.dumps({"version": "9"}).encode()],
    ids=["cut", "array", "text", "bytes", "unknown version"],
)
def test_a_post_that_is_no_post_is_kept_and_shown_never_refused(service, body):
    """Alertmanager drops what answers 4xx: whatever can be stored is taken."""
    before = len(service.client.get("/api/alerts/health")["quarantined"])
    with service.http() as http:
        answer = http.post("/webhooks/alertmanager", content=body)
    assert answer.status_code == 202
    until(
        lambda: len(service.client.get("/api/alerts/health")["quarantined"]) > before,
        "it is shown as set aside",
    )
