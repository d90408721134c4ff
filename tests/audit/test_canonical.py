"""The canonical form against RFC 8785's reference implementation in Python."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import MAX_DEPTH, MAX_INT, canonicalise, parse
from kernel.errors import BadInput, TooLarge

KEYS = st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True)
LEAVES = st.one_of(st.booleans(), st.integers(-MAX_INT, MAX_INT), st.text(max_size=40))
VALUES = st.recursive(
    LEAVES,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(KEYS, children, max_size=4),
    max_leaves=25,
)


def depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


@given(VALUES.filter(lambda value: depth(value) <= MAX_DEPTH))
def test_inside_the_profile_the_bytes_are_those_of_rfc_8785(value: object):
    data = canonicalise(value)
    assert data == rfc8785.dumps(value)  # type: ignore[arg-type]
    assert parse(data) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_either_canonical_or_refused(data: bytes):
    try:
        value = parse(data)
    except BadInput:
        return
    assert canonicalise(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1}{"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":9007199254740992}',
        b'{"a":-9007199254740992}',
        b'{"a":null}',
        b'{"A":1}',
        b'{"":1}',
        b'{"a-b":1}',
        b'{"\xc3\xa9":1}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\u000A"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b"[[[[[[[[[1]]]]]]]]]",
        b"[" * 5000,
        b"",
    ],
)
def test_other_spellings_of_the_same_thing_are_refused(data: bytes):
    with pytest.raises(BadInput):
        parse(data)


@pytest.mark.parametrize(
    "value", [1.0, None, b"x", {1: 1}, {"a" * 41: 1}, MAX_INT + 1, "\ud800", {"a": (1,)}]
)
def test_values_without_a_form_are_refused(value: object):
    with pytest.raises(BadInput):
        canonicalise(value)


def test_a_value_that_holds_itself_is_refused_not_followed():
    value: list[object] = []
    value.append(value)
    with pytest.raises(BadInput, match="deeper"):
        canonicalise(value)


def test_16_kib_are_the_limit():
    assert len(canonicalise("x" * (16 * 1024 - 2))) == 16 * 1024
    with pytest.raises(TooLarge):
        canonicalise("x" * (16 * 1024 - 1))
