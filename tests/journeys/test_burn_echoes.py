"""Our burn alerts go to a real Alertmanager, come back through the webhook, and are echoes only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.journeys.running import RunningService, until
from tests.journeys.shop import payment
from tests.triage.peers import alertmanager

pytestmark = pytest.mark.real
QUIET = "route: {receiver: none}\nreceivers: [{name: none}]\n"
ROUTED = """
route: {{receiver: tillwatch, group_by: [alertname], group_wait: 0s, group_interval: 1s}}
receivers:
- name: tillwatch
  webhook_configs:
  - url: {url}/webhooks/alertmanager
    send_resolved: true
    http_config: {{authorization: {{type: Bearer, credentials: {token}}}}}
"""


@pytest.fixture(scope="module")
def pair(tmp_path_factory) -> Iterator[tuple[RunningService, str]]:
    """A service that tells an Alertmanager, which tells the service."""
    folder: Path = tmp_path_factory.mktemp("echo")
    with alertmanager(folder / "am", QUIET) as address:
        settings = {"TILLWATCH_ALERTMANAGER_URL": address}
        with RunningService(folder / "service", settings) as service:
            token = service.token_for("alertmanager", "ingest", machine=True)
            config = folder / "am" / "am.yml"
            config.write_text(ROUTED.format(url=service.url, token=token))
            assert httpx2.post(f"{address}/-/reload").status_code == 200
            yield service, address


def active(address: str) -> list[dict[str, Any]]:
    found = httpx2.get(f"{address}/api/v2/alerts", params={"active": "true"}).json()
    return [one for one in found if one["labels"]["alertname"] == "TillwatchBudgetBurn"]


def test_a_burn_alert_is_in_alertmanager_while_open_and_its_echo_joins_nothing(pair) -> None:
    service, address = pair
    sent = 0

    def pay(outcome: str, count: int) -> None:
        nonlocal sent
        batch = [payment(f"p{sent + n}", outcome) for n in range(count)]
        sent += count
        service.client.post("/api/events", batch)

    def burns() -> bool:
        pay("failed", 10)
        return bool(active(address))

    until(burns, "a burn alert is in Alertmanager")
    labels = [one["labels"] for one in active(address)]
    told = {(one["tillwatch_alert_id"], one["objective"]) for one in labels}
    known = {(one["id"], one["objective_id"]) for one in service.client.get("/api/burn-alerts")}
    assert told <= known

    def echoes() -> int:
        return int(service.client.get("/api/alerts/health")["echoes"])

    until(echoes, "it comes back")

    def counted_for_prometheus() -> bool:
        with service.http() as http:
            text = http.get("/metrics").text
        wanted = ('objective="payment-success"', 'outcome="bad"')
        found = [
            line
            for line in text.splitlines()
            if line.startswith("tillwatch_slo_units_total{") and all(one in line for one in wanted)
        ]
        return bool(found) and float(found[0].rsplit(" ", 1)[1]) >= 10

    until(counted_for_prometheus, "the failures stand in /metrics")
    lines = service.client.get("/api/incidents")["incidents"]
    whole = [service.client.get(f"/api/incidents/{one['id']}") for one in lines]
    sources = {member["source"] for one in whole for member in one["alerts"]}
    assert sources == {"tillwatch"}
    assert service.client.get("/api/alerts/health")["quarantined"] == []
