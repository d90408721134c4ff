"""Tokens, cookies and CSRF values as texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from access.secrets_text import csrf_of, is_token, new_cookie, new_token, same


def test_a_new_token_has_prefix_and_checksum_and_never_repeats():
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(is_token(token) and token.startswith("tw_") for token in tokens)


@given(st.integers(min_value=3, max_value=51), st.sampled_from("0aZ_-é "))
def test_any_changed_character_breaks_the_checksum(place: int, char: str):
    token = new_token()
    changed = token[:place] + char + token[place + 1 :]
    assert is_token(changed) == (changed == token)


@given(st.text(st.characters(), max_size=80))
def test_any_text_is_judged_without_an_exception(text: str):
    assert is_token(text) is False
    assert same(text, text)
    assert not same(text, text + "x")


def test_the_csrf_value_belongs_to_one_cookie():
    one, two = new_cookie(), new_cookie()
    assert csrf_of(one) == csrf_of(one)
    assert csrf_of(one) != csrf_of(two)
