"""The model hangs, Slack is down and the telemetry store is broken, all at once: the brief stands,
and names what could not be asked.
"""

from __future__ import annotations

import socket
from typing import Any

from app.fakes.openai_server import FakeMode, FakeOpenAI
from kernel.clock import SECOND_US, parse_rfc3339
from tests.journeys.running import RunningService, running, until
from tests.journeys.shop import now_us, payment


def nobody_listens() -> str:
    """An address on which every connection is refused."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/api/"


def break_telemetry(service: RunningService) -> None:
    """Every file of the telemetry store becomes one that no database can read."""
    folder = service.data_dir / "telemetry"
    files = until(lambda: list(folder.glob("*.db")), "the telemetry store has files")
    for path in files:
        broken = path.with_suffix(".broken")
        broken.write_bytes(b"no database at all" * 500)
        broken.replace(path)
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)


def sell(service: RunningService, name: str, outcome: str, count: int) -> None:
    at_us = now_us()
    service.send([payment(f"{name}-{n}", outcome, at_us=at_us) for n in range(count)])


def briefed(service: RunningService) -> dict[str, Any] | None:
    for line in service.client.get("/api/incidents")["incidents"]:
        found: dict[str, Any] = service.client.get(f"/api/incidents/{line['id']}")
        if found["brief"]:
            return found
    return None


def test_a_brief_stands_although_model_slack_and_telemetry_are_all_away(tmp_path):
    with (
        FakeOpenAI(FakeMode.HANG) as model,
        running(
            tmp_path,
            OPENAI_API_KEY="sk-loopback",
            OPENAI_BASE_URL=model.base_url,
            TILLWATCH_MODEL_TIMEOUT_S="60",
            SLACK_BOT_TOKEN="xoxb-nobody",
            SLACK_SIGNING_SECRET="a secret of sixteen or more",
            TILLWATCH_SLACK_CHANNEL="#reliability",
            TILLWATCH_SLACK_API_URL=nobody_listens(),
        ) as service,
    ):
        sell(service, "before", "succeeded", 60)
        until(lambda: service.slo()["counts"]["good"] >= 60, "the sales are counted")
        break_telemetry(service)
        sell(service, "outage", "failed", 60)
        incident = until(lambda: briefed(service), "the brief stands")
        brief = incident["brief"]
        waited_s = (parse_rfc3339(brief["at"]) - parse_rfc3339(incident["opened_at"])) / SECOND_US
        print(f"brief {waited_s:.1f} s after the incident was opened")
        assert brief["source"] == "code"
        assert "events" in brief["missing_sources"]
        for name in brief["missing_sources"]:
            assert name in brief["text"]
        # The account of the till answers all the same: what it costs is known.
        assert incident["severity"] == "critical"
        until(
            lambda: (
                (briefed(service) or {})["impact"] is not None
                and (briefed(service) or {})["impact"]["bad"] >= 60
            ),
            "what fails is counted",
        )

        with service.http(Accept="text/html") as http:
            page = http.get(f"/incidents/{incident['number']}").text
        assert "Not checked:" in page
