"""A storm of incidents: a bounded number of cards, and one message that counts the rest."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import col, update

from app.fakes.slack_server import FakeSlack
from kernel.facts.triage import IncidentChanged, IncidentOpened
from tests.triage.slack.test_publisher import Room
from tests.triage.slack.views import VIEW
from triage.models import IncidentRow
from triage.slack.flood import MOST_CARDS, MOST_CRITICAL, Held, has_room, held_message
from triage.slack.models import SlackMessageRow

T = 1_795_000_000_000_000


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with FakeSlack() as slack:
        found = Room(tmp_path, slack)
        yield found
        found.database.close()


def opened(room: Room, number: int, severity: str = "major") -> None:
    """A new incident, as admission writes and tells it."""
    name = f"incident-{number}"
    with room.database.unit_of_work() as session:
        session.add(
            IncidentRow(
                id=name,
                number=number,
                state="open",
                severity=severity,
                severity_weight={"minor": 0, "major": 1, "critical": 2}[severity],
                title=f"disk {number} fills",
                objective_ids=[],
                segments=[],
                labels={},
                group_keys=[],
                impact={},
                left_out={},
                onset_us=T,
                last_onset_us=T,
                opened_us=T,
                updated_us=T,
            )
        )
    room.tell(
        IncidentOpened(
            incident_id=name,
            number=number,
            service="disks",
            objective_ids=[],
            onset_us=T,
            opened_us=T,
            severity=severity,
        )
    )


def over(room: Room, *numbers: int) -> None:
    with room.database.unit_of_work() as session:
        session.exec(
            update(IncidentRow).where(col(IncidentRow.number).in_(numbers)).values(state="resolved")
        )
    room.tell(*[IncidentChanged(incident_id=f"incident-{n}", what="resolved") for n in numbers])


def settle(room: Room) -> None:
    """Let everything that is due by now, and in the next minute, go out."""
    for _ in range(6):
        room.clock.advance_s(10)
        room.drain()
    assert room.errors == []


def texts(room: Room) -> list[str]:
    return [one.text for one in room.slack.messages]


def test_a_hundred_incidents_are_twenty_cards_and_one_message_that_counts_the_rest(room):
    for number in range(1, 101):
        opened(room, number)
    settle(room)
    assert len(texts(room)) == MOST_CARDS + 1
    (summary,) = [text for text in texts(room) if "no card here" in text]
    assert summary.startswith("80 more incidents burn")
    assert "and 75 more" in summary


def test_the_money_incident_has_its_card_in_the_middle_of_a_storm(room):
    for number in range(1, 61):
        opened(room, number)
    room.view = replace(VIEW, title="Payments fail")
    opened(room, 61, "critical")
    settle(room)
    with room.database.reading() as session:
        row = session.get(SlackMessageRow, "incident-61")
    assert row is not None
    assert row.ts
    assert not row.held


def test_the_count_follows_and_says_when_all_are_over(room):
    for number in range(1, 24):
        opened(room, number)
    settle(room)
    assert any(text.startswith("3 more incidents burn") for text in texts(room))
    over(room, 21, 22)
    settle(room)
    assert any(text.startswith("1 more incident burns") for text in texts(room))
    over(room, 23)
    settle(room)
    assert any("had no card here are over" in text for text in texts(room))
    assert len(texts(room)) == MOST_CARDS + 1


def test_what_still_burns_when_the_storm_is_over_gets_its_card_then(room):
    for number in range(1, 24):
        opened(room, number)
    settle(room)
    room.clock.advance_s(600)
    room.tell(IncidentChanged(incident_id="incident-22", what="impact"))
    settle(room)
    assert len(texts(room)) == MOST_CARDS + 2


def test_there_is_room_for_more_of_what_is_critical_but_not_for_all():
    assert has_room(MOST_CARDS - 1, critical=False)
    assert not has_room(MOST_CARDS, critical=False)
    assert has_room(MOST_CARDS, critical=True)
    assert not has_room(MOST_CRITICAL, critical=True)


def test_titles_of_strangers_stay_text_in_the_count():
    message = held_message(Held(1, [("INC-1", "major", "<!channel> *x* http://evil.example")]), "u")
    assert "<!channel>" not in message.text
    assert all(block["text"]["type"] == "plain_text" for block in message.blocks)
