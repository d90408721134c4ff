"""A storm: a real Alertmanager tells thousands of alerts while the till fails.

Every alert is stored once, the money incident stands first everywhere, and neither the audit nor
the engine's memory grows with the storm as such. The whole run of 10,000 is behind `faults`.
"""

from __future__ import annotations

import json
import resource
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import func, select

from access.principal import Role
from audit.models import AuditOutboxRow
from kernel.clock import SECOND_US, SystemClock, rfc3339
from kernel.facts.bus import FactRow
from tests.triage.desk import Desk, Sums
from tests.triage.peers import alertmanager, until
from tests.triage.test_real_alertmanager import served
from triage import repository
from triage.models import AlertMemberRow

pytestmark = pytest.mark.real
assert served  # the fixture of a real HTTP server
_A_SERVICE = 50


def config(url: str, token: str) -> str:
    return f"""
route: {{receiver: tillwatch, group_by: [service], group_wait: 0s, group_interval: 1s}}
receivers:
- name: tillwatch
  webhook_configs:
  - url: {url}/webhooks/alertmanager
    http_config: {{authorization: {{credentials: {token}}}}}
"""


def alerts(count: int, now_us: int) -> Iterator[list[dict[str, Any]]]:
    """Batches of alerts that all call themselves critical, 50 to a service."""
    for start in range(0, count, 500):
        yield [
            {
                "labels": {
                    "alertname": "DiskFills",
                    "service": f"service-{number // _A_SERVICE}",
                    "instance": f"host-{number}",
                    "severity": "critical",
                },
                "annotations": {"summary": "a disk fills"},
                "startsAt": rfc3339(now_us - 60 * SECOND_US),
                "endsAt": rfc3339(now_us + 3_600 * SECOND_US),
            }
            for number in range(start, min(start + 500, count))
        ]


def push(url: str, batch: list[dict[str, Any]]) -> None:
    request = urllib.request.Request(
        f"{url}/api/v2/alerts", json.dumps(batch).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200


def rows(desk: Desk, table: Any, *only: Any) -> int:
    with desk.database.reading() as session:
        return session.exec(select(func.count()).select_from(table).where(*only)).one()


def storm(desk: Desk, served: str, folder: Path, count: int, within_s: float) -> None:
    """`count` alerts; in their middle the till begins to fail."""
    now_us = SystemClock().now_us()
    desk.clock.set_us(now_us)
    desk.till.known = {"payment-success"}
    desk.till.sums = {"payment-success": Sums(bad=400, total=600, bad_minor={"EUR": 3_200_000})}
    token = desk.person("alertmanager", Role.INGEST)
    of_them = AlertMemberRow.source == "alertmanager"
    with alertmanager(folder / "am", config(served, token)) as url:
        batches = list(alerts(count, now_us))
        for place, batch in enumerate(batches):
            if place == len(batches) // 2:
                desk.burn("money", "payment-success", "payments", bad=400, total=600)
            push(url, batch)

        def stored() -> int:
            desk.take()
            return rows(desk, AlertMemberRow, of_them) >= count

        until(stored, within_s)
    assert rows(desk, AlertMemberRow, of_them) == count


def check(desk: Desk, count: int) -> None:
    services = -(-count // _A_SERVICE)
    money = desk.incidents.list()[0]
    assert (money.title, money.severity) == ("Promise at risk: Payments succeed", "critical")
    with desk.database.reading() as session:
        work = repository.due_work(session, desk.clock.now_us(), longest_waiting=False)
    assert work is not None
    assert work.incident_id == money.id
    others = [one for one in desk.incidents.list(limit=200) if one.id != money.id]
    assert {one.severity for one in others} == {"major"}
    assert len(others) == min(services, 199)
    assert desk.incidents.alert_health().quarantined == []
    assert desk.errors == []
    # One record and one fact for what joined together, not one for each alert.
    assert rows(desk, AuditOutboxRow) < count / 4
    assert rows(desk, FactRow) < count / 4


def test_a_thousand_alerts_of_a_real_alertmanager_hide_no_failing_till(desk, served, tmp_path):
    storm(desk, served, tmp_path, 1_000, within_s=120)
    check(desk, 1_000)


@pytest.mark.faults
def test_ten_thousand_alerts_of_a_real_alertmanager_hide_no_failing_till(desk, served, tmp_path):
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began_us = SystemClock().now_us()
    storm(desk, served, tmp_path, 10_000, within_s=600)
    grown_mib = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) / 1024
    took_s = (SystemClock().now_us() - began_us) / SECOND_US
    print(f"10,000 alerts stored within {took_s:.0f} s, memory grew by {grown_mib:.0f} MiB")
    assert grown_mib < 300
    check(desk, 10_000)
