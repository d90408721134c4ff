"""Text says what it is given, and does nothing."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.slack.text import cleared, cut, escape, line, notification, plain

HOSTILE = st.text(
    st.sampled_from("<>!@#|&;:*_~`abc/.\n\u202e\u200b\u2060\ud800 0129") | st.characters(),
    max_size=300,
)
EMOJI = re.compile(r":(?!\d\d:)[^\s:]{1,100}:")


@given(HOSTILE)
def test_plain_text_never_holds_what_deceives_the_eye_or_becomes_an_emoji(text: str) -> None:
    found = plain(text, 3_000)
    assert found["type"] == "plain_text"
    assert found["emoji"] is False
    assert 1 <= len(found["text"]) <= 3_000
    assert not EMOJI.search(found["text"])
    seen = found["text"].replace("\u2060", "").replace("\n", "")
    assert [one for one in seen if unicodedata.category(one) in {"Cc", "Cs"}] == []
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069]", seen)
    found["text"].encode()


@given(HOSTILE)
def test_a_notification_holds_no_markup(text: str) -> None:
    found = notification(text, 500)
    assert len(found) <= 500
    assert not re.search(r"[<>*_~`@#]", found)
    assert not EMOJI.search(found)
    assert "://" not in found
    assert not re.search(r"&(?!amp;|lt;|gt;)", found.removesuffix("…"))


@given(HOSTILE)
def test_a_line_is_one_line(text: str) -> None:
    assert "\n" not in line(text)


@given(st.text(), st.integers(2, 50))
def test_clearing_twice_changes_nothing_more(text: str, limit: int) -> None:
    assert cleared(cleared(text)) == cleared(text)
    assert len(cut(text, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("41 of 46 failed since 14:02:10.", "41 of 46 failed since 14:02:10."),
        (":rotating_light: down", ":\u2060rotating_light: down"),
        (":a:b:", ":\u2060a:\u2060b:"),
        ("safe\u202eevas", "safeevas"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("half \ud83d of a sign", "half \ufffd of a sign"),
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str, shown: str) -> None:
    assert cleared(text) == shown


@given(st.text())
def test_escaping_loses_nothing(text: str) -> None:
    back = escape(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back == text
