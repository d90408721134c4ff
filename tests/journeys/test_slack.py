"""Slack from end to end: one card, one decision per person, and nothing for anybody else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from app.demo.flags import ShopSwitches, serve_switches
from app.fakes.slack_server import CHANNEL_ID, TEAM, FakeSlack, SlackMessage, SlackUser
from kernel.clock import SECOND_US, SystemClock
from tests.journeys.running import RunningService, command, running, until
from tests.journeys.shop import now_us, payment

FLAG = "payment-routing.eu-central"
LINKED, SECOND, STRANGER, STRANGERS_TEAM = "U0ADA", "U0BEN", "U0MALLORY", "T0ELSEWHERE"


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

    def post(
        self, body: bytes, headers: dict[str, str] | None = None, path: str = "interactions"
    ) -> httpx2.Response:
        """What arrives at the endpoint: signed now by Slack, or with headers of anybody's."""
        given = headers or self.slack.headers(body, now_us() // SECOND_US)
        return httpx2.post(f"{self.service.url}/slack/{path}", content=body, headers=given)

    def click(self, action: str, user: str, *, team: str = TEAM, times: int = 1) -> bytes:
        """A signed click, delivered `times` times; its body."""
        body = self.slack.click(self.card(), action, user, team)
        for _ in range(times):
            answer = self.post(body)
            assert answer.status_code == 200, answer.text
        return body

    def fill(self, user: str, reason: str, *, choice: str = "", times: int = 1) -> bytes:
        """The form that stands open before a person, sent with this reason; its body."""
        form = self.slack.forms(user)[-1]
        body = self.slack.submit(form, {"reason": reason}, {"choice": choice} if choice else {})
        for _ in range(times):
            answer = self.post(body)
            assert (answer.status_code, answer.content) == (200, b""), answer.text
        return body

    def card_says(self, text: str) -> None:
        """Wait until everybody in the channel can read this on the card."""
        until(lambda: text in str(self.card().blocks), f"the card says {text!r}")

    def approving(self) -> str:
        """The button that approves: steps that need a reason have one that opens a form."""
        return "approve_form" if "approve_form" in self.card().buttons() else "approve"

    def approve(self, user: str, reason: str, *, times: int = 1) -> bytes:
        """Approve as a person does; the body of the request that decided."""
        button = self.approving()
        if button == "approve":
            return self.click(button, user, times=times)
        self.click(button, user)
        return self.fill(user, reason, times=times)

    def ask(self, text: str, user: str) -> str:
        """What `/tillwatch <text>` answers this person."""
        answer = self.post(self.slack.command(text, user), path="commands")
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["response_type"] == "ephemeral"
        return str(document["blocks"])

    def told(self, user: str, word: str) -> None:
        """Wait until this person alone was told something with this word."""
        until(
            lambda: any(word in one.text for one in self.slack.whispers(user)),
            f"{user} is told {word!r}",
        )

    def work_is_done(self) -> None:
        """Wait until every stored click was worked on: the stranger's is answered in order."""
        before = len(self.slack.whispers())
        self.click(self.approving(), STRANGER)
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
        for name, user in (("ada", LINKED), ("ben", SECOND)):
            slack.add_user(SlackUser(user))
            service.token_for(name, "responder", "approver")
            link = ["person", "link-slack", "--person", name, "--team", TEAM, "--user", user]
            code, linked = command([*link, "--data-dir", str(service.data_dir)])
            assert code == 0, linked
        outage(service)

        def pending() -> dict[str, Any] | None:
            found = service.client.get("/api/approvals", state="pending")["approvals"]
            return next((one for one in found if one["kind"] == "flag"), None)

        approval = until(pending, "the flag step is proposed", 90)
        incident = service.client.get(f"/api/incidents/{approval['incident_id']}")
        room = Room(service, slack, switches, incident, approval["id"])
        until(lambda: decidable(slack), "the card shows the step")
        yield room
    server.shutdown()
    server.server_close()


def _has_button(slack: FakeSlack, action: str) -> bool:
    try:
        return any(card.button(action) for card in slack.cards())
    except KeyError:
        return False


def decidable(slack: FakeSlack) -> bool:
    """Whether a card offers a decision."""
    return any(_has_button(slack, action) for action in ("approve", "approve_form"))


def test_a_linked_persons_click_decides_once_however_often_slack_delivers_it(room):
    assert room.approval()["params"] == {"region": "eu-central", "to_provider": "stripe"}
    body = room.approve(LINKED, "the provider is down", times=3)

    def executed() -> bool:
        return bool(room.approval()["executed_at"])

    until(executed, "the step is executed")
    until(lambda: bool(room.shop.history), "the shop has heard of it")
    # Delivered once more, long after: still the same act.
    assert room.post(body).status_code == 200
    found = room.approval()
    assert [(vote["decision"], vote["channel"]) for vote in found["votes"]] == [
        ("approve", "slack")
    ]
    assert found["decided_by"] == "ada"
    assert [(one["key"], one["value"]) for one in room.shop.history] == [(FLAG, "stripe")]
    decisions = room.service.audit(incident=room.incident["id"], type="approval.decision")
    assert [one["outcome"] for one in decisions] == ["ok"]
    until(lambda: not decidable(room.slack), "the card offers it no more")
    card = room.card()
    assert card.updates > 0
    assert "Approved by ada" in str(card.blocks)


def test_forged_stale_and_replayed_requests_change_nothing(room):
    now_s = now_us() // SECOND_US
    body = room.slack.click(room.card(), room.approving(), LINKED)
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
    stale_button = room.slack.click(room.card(), room.approving(), LINKED)
    room.click("reject", LINKED)
    assert room.post(room.slack.submit(room.slack.forms(LINKED)[-1])).json()["errors"]
    rejection = room.slack.submit(room.slack.workspace.modals["V000001"], {"reason": "not now"})
    for _ in range(2):
        answer = room.post(rejection)
        assert (answer.status_code, answer.content) == (200, b"")
    until(lambda: room.approval()["state"] == "rejected", "the step is rejected")
    room.post(stale_button)
    room.told(LINKED, "rejected already")
    found = room.approval()
    assert found["state"] == "rejected"
    assert [vote["reason"] for vote in found["votes"]] == ["not now"]
    assert room.shop.history == []
    room.card_says("not now")


def test_strangers_guests_and_copies_are_refused_and_told(room):
    for team, user in ((TEAM, STRANGER), (STRANGERS_TEAM, LINKED)):
        room.click(room.approving(), user, team=team)
        room.told(user, "not linked")
    copy = room.slack.click(room.card(), "acknowledge", LINKED, ts="1600000000.000001")
    room.post(copy)
    room.told(LINKED, "not a copy")
    room.slack.add_user(SlackUser(LINKED, guest=True))
    # What is known of an account is asked anew after a minute: another process asks at once.
    room.service.kill_engine()
    room.click("acknowledge", LINKED)
    room.told(LINKED, "guests decide nothing")
    assert room.approval()["state"] == "pending"
    assert room.approval()["votes"] == []
    assert len(room.service.audit(type="authz.denied")) >= 4
    assert len(room.slack.cards()) == 1
    assert room.slack.forms(STRANGER) == []


def test_of_two_people_at_once_one_decides_and_the_other_is_told(room):
    button = room.approving()
    bodies = []
    for user in (LINKED, SECOND):
        body = room.slack.click(room.card(), button, user)
        if button == "approve_form":
            assert room.post(body).status_code == 200
            body = room.slack.submit(room.slack.forms(user)[-1], {"reason": "at once"})
        bodies.append(body)
    for body in bodies:
        assert room.post(body).status_code == 200
    room.told(SECOND, "already")
    until(lambda: bool(room.shop.history), "the shop has heard of it")
    assert [vote["person"] for vote in room.approval()["votes"]] == ["ada"]
    assert len(room.shop.history) == 1


def test_what_people_say_of_an_incident_stands_on_its_card(room):
    number = room.incident["number"]
    room.click("severity", LINKED)
    room.fill(LINKED, "the whole region", choice="critical")
    room.card_says("Severity: critical, said ada")
    room.click("acknowledge", LINKED)
    room.card_says("Owner: ada")
    takeover = room.slack.command(f"takeover {number}", SECOND)
    for _ in range(2):
        assert "noted" in room.post(takeover, path="commands").text
    room.card_says("Owner: ben")
    assert "noted" in room.ask(f"handover {number} <@{LINKED}|ada> the provider knows", SECOND)
    room.card_says("Owner: ada")
    # Delivered once more: it was done then, and is not done again now.
    room.post(takeover, path="commands")
    room.click("silence", LINKED)
    room.fill(LINKED, "we are on it", choice="60")
    room.card_says("Silenced until")
    room.click("end_silence", SECOND)
    until(lambda: "Silenced until" not in str(room.card().blocks), "it is loud again")
    room.click("not_incident", LINKED)
    room.fill(LINKED, "a load test of ours")
    room.card_says("not an incident: a load test of ours")
    assert "Owner: ada" in str(room.card().blocks)
    assert len(room.slack.cards()) == 1
    thread = [one.text for one in room.slack.thread(room.card().ts)]
    assert any("Acknowledged: ada has it" in one for one in thread)
    assert any("ben has it now" in one for one in thread)
    people = {one["actor"]["ref"] for one in room.service.audit(type="incident.taken_over")}
    assert len(people) == 1


def test_commands_answer_the_asker_alone_and_decide_nothing(room):
    number = room.incident["number"]
    assert number in room.ask("status", LINKED)
    assert number in room.ask(f"status {number}", LINKED)
    assert "Confidence" in room.ask(f"why {number}", LINKED)
    assert "E1" in room.ask(f"evidence {number}", LINKED)
    assert "payment-success" in room.ask("budget", LINKED)
    assert "stripe" in room.ask("approvals", LINKED)
    assert f"user {LINKED} of workspace {TEAM}" in room.ask("help", LINKED)
    assert "no such word" in room.ask(f"approve {room.approval_id}", LINKED)
    assert "Not answered" in room.ask("status", STRANGER)
    assert room.approval()["state"] == "pending"
    room.click("feedback_partly", LINKED)
    room.told(LINKED, "recorded as partly")
    (graded,) = room.service.audit(type="incident.feedback")
    assert graded["data"]["verdict"] == "partly"


def test_a_slack_that_is_away_is_told_elsewhere_and_gets_the_newest_card_when_it_is_back(room):
    room.slack.workspace.out_of_order = "token_revoked"
    client = room.service.client
    client.post(f"/api/incidents/{room.incident['id']}/acknowledge", {})

    def page() -> str:
        return room.service.http(Accept="text/html").get("/").text

    until(lambda: "token_revoked" in page(), "the page tells that Slack takes nothing")
    assert "SLACK_BOT_TOKEN" in page()
    code, found = command(
        ["doctor", "--data-dir", str(room.service.data_dir)],
        environment={"SLACK_BOT_TOKEN": "x", "SLACK_SIGNING_SECRET": "x"},
    )
    assert code == 1
    (slack,) = [one for one in found["findings"] if one["name"] == "slack"]
    assert slack["state"] == "bad"
    assert "token_revoked" in slack["says"]
    room.slack.workspace.out_of_order = ""
    client.post(
        f"/api/approvals/{room.approval_id}/decision",
        {"decision": "reject", "shown_hash": room.approval()["digest"], "reason": "not now"},
    )
    room.card_says("not now")
    until(lambda: "token_revoked" not in page(), "the page is calm again")
