"""An answer has exactly the form that was asked for, or it is none."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput
from triage.brief.claims import Claim, Ref
from triage.model.reading import Query, parse_answer

CLAIM = {
    "kind": "what_fails",
    "text": "a",
    "evidence_ids": ["E1"],
    "refs": [{"said": "a", "evidence_id": "E1", "field": "f"}],
}
GOOD = {"claims": [CLAIM], "queries": [], "suggestion": None}


def test_an_answer_of_the_right_form_is_read():
    answer = parse_answer(json.dumps(GOOD))
    assert answer.claims == (Claim("a", ("E1",), "what_fails", (Ref("a", "E1", "f"),)),)
    assert not answer.queries
    step = {"runbook_id": "r", "step_id": "s"}
    assert parse_answer(json.dumps(GOOD | {"suggestion": step})).step_id == "s"
    wish = {"query": "logs_of", "evidence_id": "E1", "field": "service"}
    assert parse_answer(json.dumps(GOOD | {"queries": [wish]})).queries == (Query(**wish),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "nonsense",
        json.dumps(GOOD | {"extra": 1}),
        json.dumps(GOOD | {"claims": {}}),
        json.dumps(GOOD | {"claims": [{"text": "a"}]}),
        json.dumps(GOOD | {"claims": [CLAIM | {"text": 1}]}),
        json.dumps(GOOD | {"claims": [CLAIM | {"evidence_ids": [1]}]}),
        json.dumps(GOOD | {"claims": [CLAIM | {"kind": "order"}]}),
        json.dumps(GOOD | {"claims": [CLAIM | {"refs": [{"said": "a"}]}]}),
        json.dumps(GOOD | {"claims": [CLAIM | {"\u212aind": "cause"}]}),
        json.dumps(GOOD | {"claims": [CLAIM] * 9}),
        json.dumps(GOOD | {"queries": [{"query": "fetch", "evidence_id": "", "field": ""}]}),
        json.dumps(GOOD | {"queries": [{"query": "logs_of", "url": "x"}]}),
        json.dumps({"claims": [], "suggestion": None}),
        json.dumps(GOOD | {"suggestion": "reroute"}),
        json.dumps(GOOD | {"suggestion": {"runbook_id": 1, "step_id": "s"}}),
        '{"claims":[],"claims":[],"queries":[],"suggestion":null}',
        '{"claims":[],"queries":[],"suggestion":null} trailing',
        "[" * 10_000,
    ],
)
def test_an_answer_of_any_other_form_is_refused(text):
    with pytest.raises(BadInput):
        parse_answer(text)


@given(st.text())
def test_no_text_breaks_the_reader(text):
    answer, reason = None, ""
    try:
        answer = parse_answer(text)
    except BadInput as refusal:
        reason = refusal.message
    assert reason or answer is not None
