"""Slack from end to end: one card, one decision per click, and nothing for anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from app.demo.flags import ShopSwitches, serve_switches
from app.fakes.slack_server import CHANNEL_ID, TEAM, FakeSlack, SlackMessage
from kernel.clock import SECOND_US, SystemClock
from tests.journeys.running import RunningService, command, running, until
from tests.journeys.shop import now_us, payment

FLAG = "payment-routing.eu-central"
LINKED, STRANGER, STRANGERS_TEAM = "U0ADA", "U0MALLORY", "T0ELSEWHERE"


@dataclass
class Room:
    """The service, the workspace and the shop's flags, with one proposed step."""

    service: RunningService
    slack: FakeSlack
    shop: ShopSwitches
    incident: dict[str, Any]
    approval_id: str

    def approval(self) -> dict[str, Any]:
        return dict(self.service.client.get(f"/api/approvals/{self.approval_id}"))

    def card(self) -> SlackMessage:
        (card,) = self.slack.cards()
        return card

    def post(self, body: bytes, headers: dict[str, str]) -> httpx2.Response:
        """What arrives at the endpoint, from Slack or from anybody."""
        url = f"{self.service.url}/slack/interactions"
        return httpx2.post(url, content=body, headers=headers)

    def click(self, action: str, user: str, *, team: str = TEAM, times: int = 1) -> bytes:
        """A signed click, delivered `times` times; its body."""
        body = self.slack.click(self.card(), action, user, team)
        for _ in range(times):
            answer = self.post(body, self.slack.headers(body, now_us() // SECOND_US))
            assert answer.status_code == 200, answer.text
        return body

    def work_is_done(self) -> None:
        """Wait until every stored click was worked on: the stranger's is answered in order."""
        before = len(self.slack.whispers())
        self.click("approve", STRANGER)
        until(lambda: len(self.slack.whispers()) > before, "the click after it is answered")


def outage(service: RunningService) -> None:
    """Adyen fails in eu-central; everything else is well."""
    at_us = now_us()
    bad = [
        payment(f"bad-{n}", "failed", at_us=at_us, provider="adyen", region="eu-central")
        for n in range(40)
    ]
    good = [
        payment(f"good-{n}", at_us=at_us, provider="stripe", region=region)
        for n, region in enumerate(["eu-central", "eu-west", "us-east"] * 30)
    ]
    west = [payment(f"west-{n}", at_us=at_us, provider="adyen") for n in range(40)]
    service.send([*bad, *good, *west])


@pytest.fixture
def room(tmp_path) -> Iterator[Room]:
    """An outage whose step waits for a decision, shown in Slack."""
    switches = ShopSwitches(SystemClock(), {FLAG: "balanced"})
    server = serve_switches(switches, 0, lambda: None)
    with (
        FakeSlack() as slack,
        running(
            tmp_path,
            SLACK_BOT_TOKEN="xoxb-loopback",
            SLACK_SIGNING_SECRET=slack.signing_secret,
            TILLWATCH_SLACK_CHANNEL=CHANNEL_ID,
            TILLWATCH_SLACK_API_URL=slack.url,
            TILLWATCH_FLAG_URL=f"http://127.0.0.1:{server.server_port}",
        ) as service,
    ):
        service.token_for("ada", "responder", "approver")
        link = ["person", "link-slack", "--person", "ada", "--team", TEAM, "--user", LINKED]
        code, linked = command([*link, "--data-dir", str(service.data_dir)])
        assert code == 0, linked
        outage(service)

        def pending() -> dict[str, Any] | None:
            found = service.client.get("/api/approvals", state="pending")["approvals"]
            return next((one for one in found if one["kind"] == "flag"), None)

        approval = until(pending, "the flag step is proposed", 90)
        incident = service.client.get(f"/api/incidents/{approval['incident_id']}")
        room = Room(service, slack, switches, incident, approval["id"])
        until(lambda: _has_button(slack, "approve"), "the card shows the step")
        yield room
    server.shutdown()
    server.server_close()


def _has_button(slack: FakeSlack, action: str) -> bool:
    try:
        return any(card.button(action) for card in slack.cards())
    except KeyError:
        return False


def test_a_linked_persons_click_decides_once_however_often_slack_delivers_it(room):
    assert room.approval()["params"] == {"region": "eu-central", "to_provider": "stripe"}
    body = room.click("approve", LINKED, times=3)

    def executed() -> bool:
        return bool(room.approval()["executed_at"])

    until(executed, "the step is executed")
    until(lambda: bool(room.shop.history), "the shop has heard of it")
    # Delivered once more, long after: still the same click.
    answer = room.post(body, room.slack.headers(body, now_us() // SECOND_US))
    assert answer.status_code == 200
    found = room.approval()
    assert [(vote["decision"], vote["channel"]) for vote in found["votes"]] == [
        ("approve", "slack")
    ]
    assert found["decided_by"] == "ada"
    assert [(one["key"], one["value"]) for one in room.shop.history] == [(FLAG, "stripe")]
    decisions = room.service.audit(incident=room.incident["id"], type="approval.decision")
    assert [one["outcome"] for one in decisions] == ["ok"]
    until(lambda: not _has_button(room.slack, "approve"), "the card offers it no more")
    card = room.card()
    assert card.updates > 0
    assert "ada" in str(card.blocks)


def test_forged_stale_and_replayed_requests_change_nothing(room):
    now_s = now_us() // SECOND_US
    body = room.slack.click(room.card(), "approve", LINKED)
    good = room.slack.headers(body, now_s)
    bent = good["X-Slack-Signature"][:-1] + ("1" if good["X-Slack-Signature"][-1] == "0" else "0")
    forged = [
        ({**good, "X-Slack-Signature": bent}, body),
        ({**good, "X-Slack-Signature": ""}, body),
        ({"Content-Type": good["Content-Type"]}, body),
        (good, body.replace(LINKED.encode(), b"U0EVE")),
        (FakeSlack("another-secret").headers(body, now_s), body),
        (room.slack.headers(body, now_s - 301), body),
        (room.slack.headers(body, now_s + 400), body),
        ({**room.slack.headers(body, now_s - 900), "X-Slack-Request-Timestamp": str(now_s)}, body),
        ({**good, "X-Slack-Request-Timestamp": "yesterday"}, body),
    ]
    for headers, sent in forged:
        answer = room.post(sent, headers)
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.json()["code"] == "not_authenticated"
    room.work_is_done()
    assert room.approval()["state"] == "pending"
    assert room.approval()["votes"] == []
    # Rejected, then the rejection is replayed, and an approval of what is gone is clicked.
    stale_button = room.slack.click(room.card(), "approve", LINKED)
    room.click("reject", LINKED, times=2)
    until(lambda: room.approval()["state"] == "rejected", "the step is rejected")
    room.post(stale_button, room.slack.headers(stale_button, now_us() // SECOND_US))
    until(lambda: any(one.ephemeral_to == LINKED for one in room.slack.whispers()), "ada is told")
    found = room.approval()
    assert found["state"] == "rejected"
    assert len(found["votes"]) == 1
    assert room.shop.history == []


def test_an_unlinked_user_is_refused_and_told(room):
    for team, user in ((TEAM, STRANGER), (STRANGERS_TEAM, LINKED)):
        room.click("approve", user, team=team)
        until(
            lambda user=user: any(one.ephemeral_to == user for one in room.slack.whispers()),
            f"{user} of {team} is told",
        )
    whispers = room.slack.whispers()
    assert len(whispers) == 2
    assert all("not linked" in one.text for one in whispers)
    assert room.approval()["state"] == "pending"
    assert room.approval()["votes"] == []
    assert len(room.service.audit(type="authz.denied")) >= 2
    assert len(room.slack.cards()) == 1
