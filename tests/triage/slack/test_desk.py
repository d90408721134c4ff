"""Commands are answered from stored state, to people who may read, and decide nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from access.principal import Role
from app.fakes.slack_limits import message_problem
from kernel.errors import NotFound
from tests.triage.desk import Desk
from triage.slack.answers import document
from triage.slack.card import Message
from triage.slack.command import ACTING, WORDS, Command
from triage.slack.desk import CommandDesk, Reading
from triage.slack.interaction import Click
from triage.slack.membership import Pins
from triage.slack.refusals import Refusals

TEAM = "T1"


class Budgets:
    """Two objectives, one of which nobody can judge."""

    def list(self) -> list[Any]:
        return [
            SimpleNamespace(
                id="page-load", name="Pages load", budget_left=None, state="no_data", burn_rates={}
            ),
            SimpleNamespace(
                id="payment-success",
                name="Payments succeed",
                budget_left=0.41,
                state="at_risk",
                burn_rates={"1h": 14.5},
            ),
        ]

    def show(self, objective_id: str) -> Any:
        for one in self.list():
            if one.id == objective_id:
                return one
        raise NotFound("there is no such objective", hint="see `tillwatch slo list`")


class Approvals:
    """What waits for a decision."""

    def approvals(self, incident_id: str | None = None, state: str | None = None) -> list[Any]:
        assert state in {"pending", "partially_approved"}
        what = f"Set flag x to y ({state})."
        return [SimpleNamespace(tier="R2", what=what, expires_at="2026-12-01T14:22:10Z")]


class Room:
    """A desk over real incidents and people."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        for name, role in (("ada", Role.RESPONDER), ("ben", Role.VIEWER)):
            desk.access.create_person(name, [role], slack=(TEAM, f"U-{name}"))
        desk.access.create_person("shop", [Role.INGEST], kind="machine", slack=(TEAM, "U-shop"))
        reading = Reading(desk.access, desk.incidents, Approvals(), Budgets())
        refusals = Refusals(desk.database, desk.audit, Pins(team=TEAM))
        self.commands = CommandDesk(reading, refusals, "https://tillwatch.example/")

    def ask(self, word: str, subject: str = "", user: str = "U-ada", **more: str) -> Message:
        message, click = self.asked(word, subject, user, **more)
        assert click is None
        return message

    def asked(
        self, word: str, subject: str = "", user: str = "U-ada", **more: str
    ) -> tuple[Message, Click | None]:
        fields = {"team": TEAM, "channel": "C1", "trigger_id": "1.2.abc", **more}
        command = Command(user=user, word=word, subject=subject, **fields)
        message, click = self.commands.answer(command)
        assert message_problem(document(message)) == ("", [])
        assert document(message)["response_type"] == "ephemeral"
        return message, click

    def denials(self) -> int:
        return len(self.desk.audit.entries(type="authz.denied"))


@pytest.fixture
def room(desk: Desk) -> Room:
    return Room(desk)


@pytest.fixture
def burning(room: Room) -> Room:
    room.desk.till.known = {"payment-success"}
    room.desk.burn("a1", "payment-success", "payments")
    return room


def test_status_tells_what_is_open_or_that_nothing_is(room: Room) -> None:
    assert "No incident is open." in str(room.ask("status").blocks)
    room.desk.till.known = {"payment-success"}
    room.desk.burn("a1", "payment-success", "payments")
    assert "INC-1" in str(room.ask("status").blocks)


@pytest.mark.parametrize("word", ["status", "why", "evidence"])
def test_an_incident_is_told_by_its_number_with_a_link_to_its_page(
    burning: Room, word: str
) -> None:
    shown = str(burning.ask(word, "INC-1").blocks)
    assert "INC-1" in shown
    assert "https://tillwatch.example/incidents/INC-1" in shown


def test_the_only_open_incident_needs_no_number(burning: Room) -> None:
    assert "INC-1" in str(burning.ask("why").blocks)
    burning.desk.till.known.add("checkout")
    burning.desk.burn("a2", "checkout", "checkout")
    assert "say which incident: 2 are open" in str(burning.ask("why").blocks)


def test_budgets_are_told_the_emptiest_first(room: Room) -> None:
    shown = str(room.ask("budget").blocks)
    assert shown.index("payment-success") < shown.index("page-load")
    assert "41.0% left" in shown
    assert "not known" in shown
    assert "no such objective" in str(room.ask("budget", "typo").blocks)


def test_waiting_approvals_are_told_and_not_decided(room: Room) -> None:
    shown = str(room.ask("approvals").blocks)
    assert "(pending)" in shown
    assert "(partially_approved)" in shown
    assert "decides nothing" in shown


def test_unknown_words_get_the_list_and_help_says_who_one_is(room: Room) -> None:
    assert all(word in str(room.ask("").blocks) for word in WORDS)
    assert "user U-ada of workspace T1" in str(room.ask("help").blocks)


@pytest.mark.parametrize("word", sorted(ACTING))
def test_an_acting_command_becomes_an_act_of_its_own_trigger(burning: Room, word: str) -> None:
    message, click = burning.asked(word, "INC-1", mention="U-ben", note="lunch")
    assert click is not None
    assert "noted" in str(message.blocks)
    assert (click.message_ts, click.action_ts, click.user) == ("", "1.2.abc", "U-ada")
    incident = burning.desk.incidents.show("INC-1")
    assert click.value == incident.id
    ben = burning.desk.access.person_id_of("ben")
    assert click.choice == (ben if word == "handover" else "")


def test_nobody_hands_over_to_nobody(burning: Room) -> None:
    for more in ({"mention": "U-nobody"}, {"name": "nobody"}):
        message, click = burning.asked("handover", "INC-1", **more)
        assert click is None
        assert "nobody Tillwatch knows" in str(message.blocks)


@pytest.mark.parametrize(("user", "team"), [("U-eve", TEAM), ("U-ada", "T2"), ("U-shop", TEAM)])
@pytest.mark.parametrize("word", sorted(WORDS))
def test_strangers_and_machines_are_refused_every_word_and_recorded(
    burning: Room, word: str, user: str, team: str
) -> None:
    message, click = burning.asked(word, "INC-1", user, team=team)
    assert click is None
    shown = str(message.blocks)
    assert "Not answered" in shown
    assert "Payments" not in shown
    assert burning.denials() == 1
