"""A real Alertmanager on both sides: it tells us, and we tell it."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from access.principal import Role
from kernel.clock import SECOND_US, SystemClock, rfc3339
from tests.triage.desk import Desk
from tests.triage.peers import alertmanager, free_port, until
from tests.triage.web import application
from triage.second_channel import register

pytestmark = pytest.mark.real

QUIET = "route: {receiver: none}\nreceivers: [{name: none}]\n"


def config(url: str, token: str) -> str:
    return f"""
route: {{receiver: tillwatch, group_by: [slo], group_wait: 0s, group_interval: 1s}}
receivers:
- name: tillwatch
  webhook_configs:
  - url: {url}/webhooks/alertmanager
    send_resolved: true
    http_config: {{authorization: {{credentials: {token}}}}}
"""


@pytest.fixture
def served(desk: Desk) -> Iterator[str]:
    """The receiver behind a real HTTP server."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(application(desk), host="127.0.0.1", port=port, log_level="warning")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=20)


def push(url: str, *, ended: bool) -> None:
    now_us = SystemClock().now_us()
    alert: dict[str, Any] = {
        "labels": {
            "alertname": "PaymentBurnFast",
            "slo": "payment-success",
            "service": "payments",
            "severity": "page",
        },
        "annotations": {"summary": "payments burn"},
        "startsAt": rfc3339(START_US),
        "endsAt": rfc3339(now_us - SECOND_US // 10 if ended else now_us + 600 * SECOND_US),
    }
    request = urllib.request.Request(
        f"{url}/api/v2/alerts",
        json.dumps([alert]).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200


START_US = SystemClock().now_us() - 5 * SECOND_US


def test_a_real_alertmanager_opens_and_closes_one_incident(desk, served, tmp_path: Path):
    token = desk.person("alertmanager", Role.INGEST)
    with alertmanager(tmp_path / "am", config(served, token)) as url:
        push(url, ended=False)

        def state() -> str:
            desk.take()
            found = desk.incidents.list()
            return found[0].state if found else ""

        until(lambda: state() == "open")
        push(url, ended=True)
        until(lambda: state() == "resolved")
    (line,) = desk.incidents.list()
    (member,) = desk.incidents.show(line.id).alerts
    assert line.slos == ["payment-success"]
    assert (member.source, member.status) == ("alertmanager", "resolved")
    assert member.starts_at == rfc3339(START_US)
    health = desk.incidents.alert_health()
    assert (health.refused, health.quarantined) == ({}, [])


def test_our_incident_fires_in_a_real_alertmanager_and_ends_there(tmp_path: Path):
    with alertmanager(tmp_path / "am", QUIET) as url, httpx2.Client() as client:
        desk = Desk(tmp_path, alertmanager_url=url, alertmanager_burn_alerts=False)
        desk.clock.set_us(SystemClock().now_us())
        register(desk.outbox, desk.settings, client, desk.clock)
        opened = desk.burn("a1", "payment-success", "payments")
        assert desk.outbox.step()

        def active() -> list[Any]:
            found: list[Any] = client.get(f"{url}/api/v2/alerts?active=true").json()
            return found

        (alert,) = active()
        assert alert["labels"]["alertname"] == "TillwatchIncident"
        assert alert["status"]["state"] in {"active", "unprocessed"}
        desk.burnt_out(opened)
        assert desk.outbox.step()
        until(lambda: not active())
        desk.close()


def test_what_we_pushed_comes_back_as_an_echo(desk, served, tmp_path: Path):
    token = desk.person("alertmanager", Role.INGEST)
    with alertmanager(tmp_path / "am", config(served, token)) as url:
        with httpx2.Client() as client:
            other = tmp_path / "other"
            other.mkdir()
            pusher = Desk(other, alertmanager_url=url)
            pusher.clock.set_us(SystemClock().now_us())
            register(pusher.outbox, pusher.settings, client, pusher.clock)
            pusher.burn("a1", "payment-success", "payments")
            assert pusher.outbox.step()
            pusher.close()

        def echoes() -> int:
            desk.take()
            return desk.incidents.alert_health().echoes

        until(echoes)
    assert desk.incidents.list() == []


def test_our_burn_alert_fires_in_a_real_alertmanager_and_ends_there(tmp_path: Path):
    with alertmanager(tmp_path / "am", QUIET) as url, httpx2.Client() as client:
        desk = Desk(tmp_path, alertmanager_url=url)
        desk.clock.set_us(SystemClock().now_us())
        register(desk.outbox, desk.settings, client, desk.clock)
        opened = desk.burn("a1", "payment-success", "payments", segment={"provider": "adyen"})

        def active() -> list[Any]:
            while desk.outbox.step():
                pass
            found = client.get(f"{url}/api/v2/alerts?active=true").json()
            return [one for one in found if one["labels"]["alertname"] == "TillwatchBudgetBurn"]

        (alert,) = active()
        assert alert["labels"]["provider"] == "adyen"
        desk.burnt_out(opened)
        until(lambda: not active())
        desk.close()
