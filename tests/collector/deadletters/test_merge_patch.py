"""JSON merge patches by RFC 7396, and their short form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.deadletters.merge_patch import apply, from_assignments
from kernel.errors import BadInput

# RFC 7396, appendix A: original, patch, result.
RFC = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=2), JSON, max_size=4)


@pytest.mark.parametrize(("original", "patch", "result"), RFC)
def test_the_examples_of_the_rfc(original, patch, result):
    assert apply(original, patch) == result


@given(OBJECTS, OBJECTS)
def test_a_patch_applied_twice_is_applied_once_and_nothing_is_changed_in_place(target, patch):
    before = repr(target)
    once = apply(target, patch)
    assert apply(once, patch) == once
    assert repr(target) == before


def test_assignments_make_a_patch():
    assert from_assignments(
        ["data.currency=EUR", "data.amount_minor=1999", "time=null", "a=b=c", 'data.x="7"']
    ) == {"data": {"currency": "EUR", "amount_minor": 1999, "x": "7"}, "time": None, "a": "b=c"}


@pytest.mark.parametrize("wrong", [["x"], ["=1"], ["a..b=1"], ["a=1", "a=2"], ["a=1", "a.b=2"]])
def test_an_assignment_that_says_nothing_clear_is_refused(wrong):
    with pytest.raises(BadInput):
        from_assignments(wrong)
