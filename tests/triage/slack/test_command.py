"""What was typed after `/tillwatch`."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fakes.slack_requests import Sender, slash_command
from kernel.errors import BadInput
from triage.slack.command import WORDS, Command, parse_command

SENDER = Sender("U1", "T1", "A1")


def typed(text: str, command: str = "/tillwatch") -> Command:
    body = slash_command(SENDER, command, text, "1.2.abc", "C1")
    return parse_command(parse_qs(body.decode(), keep_blank_values=True))


@pytest.mark.parametrize(
    ("text", "word", "subject"),
    [
        ("status", "status", ""),
        ("  STATUS  inc-7 ", "status", "INC-7"),
        ("why 7", "why", "INC-7"),
        ("evidence INC-0007", "evidence", "INC-7"),
        ("budget payment-success", "budget", "payment-success"),
        ("approvals whatever", "approvals", ""),
        ("takeover INC-7", "takeover", "INC-7"),
        ("", "help", ""),
        ("help me", "help", ""),
    ],
)
def test_words_and_what_they_are_about(text: str, word: str, subject: str) -> None:
    found = typed(text)
    assert (found.word, found.subject) == (word, subject)
    assert (found.team, found.user, found.app) == ("T1", "U1", "A1")


def test_a_handover_names_a_person_by_slacks_mention_or_by_name() -> None:
    found = typed("handover INC-7 <@U0BEN|ben> the provider knows")
    assert (found.mention, found.name, found.note) == ("U0BEN", "", "the provider knows")
    found = typed("handover 7 @ben")
    assert (found.mention, found.name, found.note) == ("", "ben", "")


@pytest.mark.parametrize("word", ["approve", "reject", "run", "yes", "execute", "INC-7", "resume"])
def test_no_word_decides_anything(word: str) -> None:
    assert typed(f"{word} INC-7").word == ""
    assert word not in WORDS


@pytest.mark.parametrize(
    "text",
    [
        "why that thing",
        "why INC-99999999999",
        "why INC-7<!channel>",
        "why INC-²",
        "budget ../../etc/passwd",
        "budget " + "x" * 101,
        "handover INC-7",
        "takeover everything",
        "status " + "x" * 2_000,
    ],
)
def test_what_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        typed(text)
    assert caught.value.path == "text"


def test_another_command_is_refused() -> None:
    with pytest.raises(BadInput):
        typed("status", "/deploy")


@given(st.dictionaries(st.text(max_size=12), st.lists(st.text(max_size=30), max_size=3)))
def test_odd_fields_are_refused_and_never_an_exception(fields: Any) -> None:
    whole = {"command": ["/tillwatch"], "text": ["status"], "team_id": ["T1"], "user_id": ["U1"]}
    with pytest.raises(BadInput):
        parse_command({**whole, "channel_id": ["C 1"], **fields})
