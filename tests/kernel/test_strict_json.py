"""One parser for everything from outside: what it refuses, it names."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput
from kernel.strict_json import MAX_DEPTH, loads

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_can_say_comes_back_unchanged(value):
    text = json.dumps(value)
    assert loads(text) == json.loads(text)
    assert loads(text.encode()) == json.loads(text)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_named_refusal(data):
    value, reason = None, ""
    try:
        value = loads(data)
    except BadInput as refusal:
        reason = refusal.message
    assert reason or json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": {"b": 1, "\\u0062": 2}}', "twice"),
        ("NaN", "NaN"),
        ("[Infinity]", "Infinity"),
        ("-Infinity", "Infinity"),
        ("1e999", "out of range"),
        ("-1e999", "out of range"),
        ("1" * 5000, "digits"),
        (str(2**64), "64 bits"),
        (str(-(2**64)), "64 bits"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ('["ok", {"a": ["\\ud800x"]}]', "surrogate"),
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1,]", "not JSON"),
        ("{'a': 1}", "not JSON"),
        ("1 2", "not JSON"),
        ("\ufeff1", "not JSON"),
    ],
)
def test_ambiguous_or_broken_json_is_refused_with_the_reason(text, reason):
    with pytest.raises(BadInput, match=reason):
        loads(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    "data", [b"\xff", b'"\xed\xa0\x80"', b'"\xc0\xaf"', '"é"'.encode("utf-16")]
)
def test_other_encodings_are_refused(data):
    with pytest.raises(BadInput):
        loads(data)


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 10_000, 300_000])
def test_deep_nesting_is_refused_and_never_breaks_the_stack(opening, depth):
    closing = "]" if opening == "[" else "}"
    with pytest.raises(BadInput, match="nested"):
        loads((opening * depth + "1" + closing * depth).encode())


def test_the_deepest_allowed_nesting_is_allowed():
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert json.dumps(loads(text)) == text


def test_one_repeated_key_among_very_many_is_found_in_one_pass():
    many = ",".join(f'"k{number}":0' for number in range(200_000))
    with pytest.raises(BadInput, match="twice"):
        loads("{" + many + ',"k199999":1}')


@given(st.integers(1, 6), st.sampled_from(["[]", "{}", "1", '"a"', '["a", {}]', '{"a": [1]}']))
def test_the_quick_look_at_the_depth_decides_like_the_slow_one(depth, leaf):
    text = "[" * depth + leaf + "]" * depth
    escaped = "[" * depth + leaf.replace("a", "\\u0061") + "]" * depth
    for limit in range(1, 9):
        # Whoever looks at each text takes the slow way: str input, or an escape.
        verdicts = {_refused(text.encode(), limit), _refused(text, limit)}
        verdicts.add(_refused(escaped.encode(), limit))
        assert len(verdicts) == 1


def _refused(data, limit):
    try:
        loads(data, max_depth=limit)
    except BadInput:
        return True
    return False
