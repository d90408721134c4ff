"""What is cut is cut before a word or a number, so that no half of a secret is left."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from collector.redaction import Redactor
from kernel.quoting import cut, quoted
from tests.faults.cards import cards, spellings
from tests.faults.searching import Search

REDACTOR = Redactor(b"0123456789abcdef")


@given(st.text(max_size=300), st.integers(1, 200))
def test_what_is_cut_is_a_beginning_of_the_text_and_fits(text, limit):
    shown = cut(text, limit)
    assert text.startswith(shown)
    assert len(shown) <= limit
    assert shown == text or len(text) > limit


def test_words_before_the_cut_stay():
    assert cut("payments of the shop fail", 18) == "payments of the "
    assert quoted("payments of the shop fail", 18) == "'payments of the '..."
    assert quoted("payments", 18) == "'payments'"


def test_no_half_of_a_card_number_is_left_wherever_it_is_cut():
    for card in cards(random.Random(7)):
        search = Search({card[: len(card) - 5]})
        for spelling in spellings(card):
            text = f"it said {spelling.text}"
            for limit in range(8, len(text)):
                left = cut(text, limit)
                assert not search.of(REDACTOR.text(left).encode()), (spelling, limit, left)


def test_a_long_text_without_a_space_is_cut_in_no_time():
    for char in ("1", "1 ", "x"):
        assert len(cut(char * 2_000_000, 1_000_000)) <= 1_000_000
