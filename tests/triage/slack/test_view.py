"""From an incident as the API tells it to the card, on real services."""

from __future__ import annotations

from typing import Any

import pytest

from access.principal import Principal, Role
from kernel.clock import HOUR_US
from tests.triage.desk import Desk
from triage.slack.card import CardView, incident_card
from triage.slack.view import card_view


class Room:
    """One burning incident and a responder."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        desk.till.known = {"payment-success"}
        desk.burn("a1", "payment-success", "payments")
        person_id = desk.access.create_person("ada", [Role.RESPONDER])
        self.ada = Principal(person_id, "ada", "person", frozenset({Role.RESPONDER}), "slack")

    def view(self, approvals: list[Any] | None = None, **more: Any) -> CardView:
        return card_view(
            self.desk.incidents.show("INC-1"),
            approvals or [],
            public_url="https://tillwatch.example/",
            updated_us=self.desk.clock.now_us(),
            simulated=False,
            name_of=self.desk.access.name_of,
            **more,
        )

    def shown(self) -> str:
        return str(incident_card(self.view()).blocks)


@pytest.fixture
def room(desk: Desk) -> Room:
    return Room(desk)


def test_an_owner_is_shown_by_name_and_never_by_id(room: Room) -> None:
    assert room.view().owner == ""
    room.desk.incidents.acknowledge("INC-1", room.ada)
    assert room.view().owner == "ada"
    assert room.ada.person_id not in room.shown()


def test_whoever_took_over_is_the_owner(room: Room) -> None:
    room.desk.incidents.acknowledge("INC-1", room.ada)
    ben_id = room.desk.access.create_person("ben", [Role.RESPONDER])
    ben = Principal(ben_id, "ben", "person", frozenset({Role.RESPONDER}), "slack")
    room.desk.incidents.take_over("INC-1", ben)
    assert room.view().owner == "ben"


def test_a_silence_is_shown_until_it_ends(room: Room) -> None:
    until_us = room.desk.clock.now_us() + HOUR_US
    room.desk.incidents.silence("INC-1", room.ada, until_us, "known")
    assert room.view().silenced_until
    assert "End silence" in room.shown()
    room.desk.clock.advance_s(3_601)
    assert room.view().silenced_until == ""


def test_a_severity_that_a_person_set_says_who(room: Room) -> None:
    room.desk.incidents.change_severity("INC-1", room.ada, "critical", "the whole shop")
    assert room.view().severity == "critical, said ada"


def test_what_is_no_incident_is_closed_as_such_with_the_reason(room: Room) -> None:
    room.desk.incidents.not_an_incident("INC-1", room.ada, "a load test")
    assert room.view().closed_as == "not an incident: a load test"
    assert "Acknowledge" not in room.shown()


def test_all_steps_switched_off_is_said_first(room: Room) -> None:
    view = room.view(switched_off="by Ben: tests by hand")
    blocks = incident_card(view).blocks
    assert "All steps are switched off" in str(blocks[1])
