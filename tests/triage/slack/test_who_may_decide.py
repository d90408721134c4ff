"""T5, attack 17: every kind of actor, at every risk, in every state, through the real services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from access.principal import Principal, Role
from kernel.journal import Append, Item, JournalReader, JournalWriter, Stream
from runbooks.policy import QUORUMS, may_decide
from runbooks.runbook import Tier
from runbooks.schemas import ApprovalOut
from tests.runbooks.world import LABELS, World, person
from tests.triage.slack.acting import Acting
from tests.triage.slack.test_inbox import Silent
from triage.slack.acts import Acts
from triage.slack.inbox import SlackInbox
from triage.slack.interaction import Click
from triage.slack.membership import Membership, Pins
from triage.slack.models import SlackMessageRow
from triage.slack.proposal_blocks import button_value
from triage.slack.publisher import SlackPublisher
from triage.slack.refusals import Refusals

TEAM, APP, USER = "T1", "A1", "U1"
DEPLOY = {
    "change_kind": "deploy",
    "change_service": "checkout",
    "service": "checkout",
    "objective": "checkout-success",
    "error_type": "http_5xx",
}
# Whoever is not a full, linked person of the workspace: changes of the click, or of the account.
OUTSIDERS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "unlinked": ({"user": "U9"}, {}),
    "another workspace": ({"team": "T9"}, {}),
    "another app": ({"app": "A9"}, {}),
    "guest": ({}, {"is_restricted": True}),
    "single-channel guest": ({}, {"is_ultra_restricted": True}),
    "bot": ({}, {"is_bot": True}),
    "deactivated": ({}, {"deleted": True}),
    "stranger of a shared channel": ({}, {"is_stranger": True}),
    "a copy of the message": ({"message_ts": "9.9"}, {}),
    "no message at all": ({"message_ts": ""}, {}),
}


class Room:
    """Slack's inbox over real approvals, with one user whose role and account are set."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.who: Principal | None = None
        self.account_now: dict[str, Any] = {}
        self.journal = JournalWriter(folder / "journal.db", world.clock)
        with world.database.unit_of_work() as session:
            session.add(SlackMessageRow(incident_id="incident-1", channel="C1", ts="1.1"))
        acting = Acting()
        self.inbox = SlackInbox(
            world.database,
            JournalReader(folder / "journal.db"),
            SlackPublisher(world.database, world.clock, Silent(), "C1", lambda _: None),
            people=self,
            members=Membership(self, world.clock),
            do=Acts(world.service, acting, acting, world.clock).do,
            refusals=Refusals(world.database, world.log, Pins(TEAM, APP)),
        )

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None:
        linked = team_id == TEAM and user_id.startswith(USER)
        return self.who if linked else None

    def account(self, user: str) -> dict[str, Any] | None:
        return {"id": user, "team_id": TEAM, **self.account_now}

    def press(self, approval: ApprovalOut, action: str = "approve_form", **changed: str) -> None:
        fields = {
            "team": TEAM,
            "user": USER,
            "channel": "C1",
            "message_ts": "1.1",
            "action_id": action,
            "action_ts": f"V{self.world.clock.now_us()}",
            "value": button_value(approval.id, approval.digest),
            "app": APP,
            "reason": "a clear fault",
        }
        click = Click(**(fields | changed))
        data = json.dumps(click.as_document()).encode()
        item = Item(data, click.key)
        self.journal.append(Append(Stream.SLACK, "slack", "click", [item], whole=True)).result(10)
        self.inbox.step()

    def denials(self) -> int:
        return len(self.world.log.entries(type="authz.denied"))

    def step_in(self, state: str, labels: dict[str, str]) -> ApprovalOut:
        """A step that is in this state when the button is pressed."""
        shown = self.world.pending(labels)
        if state == "rejected":
            owner = person("olga", Role.OWNER)
            self.world.service.decide(shown.id, owner, "reject", shown.digest, "no")
        if state == "expired":
            self.world.clock.advance_s(3_600)
        if state == "changed":
            self.world.sql(f"UPDATE approval SET digest = '{'f' * 64}' WHERE id = '{shown.id}'")
        return shown


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    world = World(tmp_path)
    found = Room(world, tmp_path)
    yield found
    found.journal.close()
    world.close()


TIERS = {Tier.R2: LABELS, Tier.R3: DEPLOY}


@pytest.mark.parametrize("tier", list(TIERS))
@pytest.mark.parametrize("role", list(Role))
def test_a_member_decides_what_the_policy_lets_the_role_decide(
    room: Room, role: Role, tier: Tier
) -> None:
    approval = room.step_in("pending", TIERS[tier])
    assert approval.tier == tier
    room.who = person("ada", role)
    room.press(approval)
    entitled = may_decide(tier, {role})
    votes = room.world.service.approval(approval.id).votes
    assert [(one.person, one.channel) for one in votes] == [("Ada", "slack")] * entitled
    assert room.denials() == (not entitled)
    whole = entitled and QUORUMS[tier].people == 1
    assert (room.world.state(approval.id) == "approved") == whole


@pytest.mark.parametrize("state", ["rejected", "expired", "changed"])
@pytest.mark.parametrize("tier", list(TIERS))
def test_nobody_of_any_role_decides_what_is_over_or_not_what_was_shown(
    room: Room, tier: Tier, state: str
) -> None:
    approval = room.step_in(state, TIERS[tier])
    before = len(room.world.service.approval(approval.id).votes)
    for number, role in enumerate(Role):
        room.who = person(f"ada-{number}", role)
        room.press(approval, action_ts=f"V{number}")
    found = room.world.service.approval(approval.id)
    assert len(found.votes) == before
    assert found.state not in {"approved", "partially_approved"}


@pytest.mark.parametrize("tier", list(TIERS))
def test_whoever_is_no_full_member_of_the_workspace_decides_nothing_whatever_the_role(
    room: Room, tier: Tier
) -> None:
    approval = room.step_in("pending", TIERS[tier])
    room.who = person("ada", *Role)
    for number, (kind, (click, account)) in enumerate(OUTSIDERS.items()):
        room.account_now = account
        room.press(approval, **{"user": f"{USER}-{number}", "action_ts": f"V{number}", **click})
        assert room.world.service.approval(approval.id).votes == [], kind
        assert room.denials() == number + 1, kind
    room.account_now = {}
    room.press(approval)
    assert len(room.world.service.approval(approval.id).votes) == 1, "a full member does"


def test_a_machine_that_is_linked_decides_nothing(room: Room) -> None:
    approval = room.step_in("pending", LABELS)
    room.who = person("ci", Role.APPROVER, kind="machine")
    room.press(approval)
    assert room.world.service.approval(approval.id).votes == []
    assert room.denials() == 1


def test_a_plain_button_approves_nothing_that_needs_a_reason(room: Room) -> None:
    approval = room.step_in("pending", DEPLOY)
    room.who = person("ada", Role.OWNER)
    room.press(approval, "approve", reason="")
    assert room.world.service.approval(approval.id).votes == []


def test_two_members_are_a_quorum_of_two_and_one_who_presses_twice_is_not(room: Room) -> None:
    approval = room.step_in("pending", DEPLOY)
    room.who = person("ada", Role.OWNER)
    for _ in range(2):
        room.press(approval)
        room.world.clock.advance_s(1)
    assert room.world.state(approval.id) == "partially_approved"
    room.who = person("ben", Role.APPROVER)
    room.press(approval)
    assert room.world.state(approval.id) == "approved"
