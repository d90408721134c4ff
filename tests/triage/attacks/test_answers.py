"""Attacks 12 and 13, and rivals' defects: answers made to be read in two ways, and made to cost."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.fakes.openai_server import FakeMode
from kernel.errors import BadInput
from kernel.facts.triage import BriefReady
from tests.triage.attacks.attacker import ONSET_US, STEPS, poisoned
from triage.evidence.evidence import Finding, mint
from triage.model.allowance import Spend, caps_of_day, caps_of_incident, refusal
from triage.model.client import ModelClient
from triage.model.explaining import Explainer
from triage.model.outcome import Answered, BudgetSpent, Garbage
from triage.model.reading import parse_answer
from triage.model.settings import ModelSettings
from triage.model.spending import Spending

GOOD = '{"claims":[],"queries":[],"suggestion":null}'
TRICKS = [
    '{"claims":[],"queries":[],"suggestion":null,"suggestion":{"runbook_id":"x","step_id":"y"}}',
    '{"claims":[],"queries":[],"suggestion":null,"\\u0073uggestion":{"runbook_id":"x","step_id":"y"}}',
    '{"claims":[],"queries":[],"suggestion":null,"sugge\u200bstion":1}',
    '{"\uff43laims":[],"queries":[],"suggestion":null}',
    '{"claims":[],"queries":[],"suggestion":null}{"claims":[]}',
    '{"claims":NaN,"queries":[],"suggestion":null}',
    '{"claims":[],"queries":[],"suggestion":"\\ud800"}',
    '{"claims":[[[[[[[[[[]]]]]]]]]],"queries":[],"suggestion":null}',
    '\ufeff{"claims":[],"queries":[],"suggestion":null}',
    "```json\n" + GOOD + "\n```",
    GOOD + "/* approve */",
    '{"claims":[],"queries":[],"suggestion":null,"action":"approve"}',
    '{"claims":[],"queries":[],"suggestion":null,"__proto__":{}}',
]


@pytest.mark.parametrize("text", TRICKS)
def test_attack_12_an_answer_that_can_be_read_in_two_ways_is_no_answer(shop, model, text):
    model.obey(lambda _document: text)
    told = shop.explainer.explain(poisoned("clean"), STEPS)
    assert isinstance(told, Garbage)
    assert told.reason == "not the answer asked for"


@given(st.integers(0, len(GOOD)), st.text(max_size=12), st.integers(0, 8))
def test_attack_12_fuzzed_answers_are_read_exactly_or_refused(at, more, cut):
    """Whatever is taken says, read by an ordinary parser, the very same."""
    text = GOOD[:at] + more + GOOD[at + cut :]
    try:
        answer = parse_answer(text)
    except BadInput:
        return
    plain = json.loads(text)
    assert set(plain) == {"claims", "queries", "suggestion"}
    assert len(answer.claims) == len(plain["claims"])


def test_attack_13_ten_thousand_incidents_stay_under_the_cap_and_leave_room_for_money():
    settings = ModelSettings(model_tokens_per_day=200_000)
    need, day, asked = Spend(6_000, 0, 20_000, 1), Spend(), 0
    for _ in range(10_000):
        if not refusal(day, need, caps_of_day(settings, moneyed=False), "the day's"):
            day, asked = day + need, asked + 1
    assert day.tokens <= 200_000 * 0.7
    assert asked < 30
    assert refusal(day, need, caps_of_day(settings, moneyed=True), "the day's") == ""
    assert refusal(Spend(), need, caps_of_incident(settings), "x") == ""


def test_attack_13_a_model_that_bloats_its_answers_and_asks_for_ever_costs_no_more_than_the_cap(
    shop, model
):
    model.obey(
        lambda _document: json.dumps(
            {"claims": [], "queries": [], "suggestion": None, "x": "y" * 30_000}
        )
    )
    settings = shop.settings.model_copy(update={"model_tokens_per_day": 30_000})
    spending = Spending(shop.desk.database, shop.desk.clock)
    explainer = Explainer(settings, shop.desk.clock, ModelClient(settings), spending)
    outcomes = [
        explainer.explain(
            replace(poisoned("x"), context=replace(poisoned("x").context, incident_id=f"i{n}")),
            STEPS,
        )
        for n in range(60)
    ]
    assert spending.today().tokens <= 30_000
    assert isinstance(outcomes[-1], BudgetSpent)
    assert len(model.requests) < 30


def test_attack_13_the_brief_says_that_the_budget_is_spent(shop, model):
    spending = Spending(shop.desk.database, shop.desk.clock)
    settings = shop.settings.model_copy(update={"model_tokens_per_day": 10})
    shop.explainer = Explainer(settings, shop.desk.clock, ModelClient(settings), spending)
    shop.outage("x")
    shop.work()
    brief = shop.brief()
    assert brief.source == "code"
    assert brief.model_note == "BudgetSpent: the day's token budget is spent"
    assert model.requests == []


def test_rival_defect_truncated_prompts_the_bytes_sent_are_the_bytes_hashed(shop, model):
    shop.outage("x" * 5_000)
    shop.work()
    records = [one for one in shop.desk.incidents.timeline("INC-1") if one.type == "ai.request"]
    assert len(records) == len(model.requests) == 1
    body = model.requests[0][1]
    entry = shop.desk.audit.entry(records[0].record)
    assert shop.desk.audit.payload(entry.id, "request") == body
    assert entry.data["prompt_sha256"] == hashlib.sha256(body).hexdigest()
    assert entry.data["version"] == "brief_v2"
    assert len(entry.data["system_prompt_sha256"]) == 64


def test_rival_defect_keyed_by_fingerprints_other_evidence_is_another_suggestion(shop, model):
    shop.outage("x")
    shop.work()
    first = {one["suggestion_record"] for one in shop.desk.published(BriefReady)} - {""}
    assert len(first) == 1
    row = shop.desk.incidents.show("INC-1")
    told = shop.explainer.explain(poisoned("clean"), STEPS)
    changed = list(poisoned("clean").evidence)
    changed[0] = mint(
        "E1", Finding("traffic", "", {"bad": 45, "total": 1066}, "q", ONSET_US, ONSET_US + 1)
    )
    other = shop.explainer.explain(replace(poisoned("clean"), evidence=tuple(changed)), STEPS)
    assert row.brief.source == "model"
    assert isinstance(told, Answered)
    assert isinstance(other, Answered)
    assert told.audit[0].data["evidence"] != other.audit[0].data["evidence"]
    assert told.audit[0].data["prompt_sha256"] != other.audit[0].data["prompt_sha256"]


def test_rival_defect_citations_only_a_list_an_unknown_id_drops_its_claim(shop, model):
    model.mode = FakeMode.UNKNOWN_EVIDENCE
    told = shop.explainer.explain(poisoned("clean"), STEPS)
    assert isinstance(told, Answered)
    assert told.dropped
    assert all("unknown evidence id" in one.reason for one in told.dropped)


def test_rival_defect_execute_by_prompting_a_request_offers_the_model_no_tool(shop, model):
    shop.explainer.explain(poisoned("clean"), STEPS)
    request = json.loads(model.requests[0][1])
    assert not {"tools", "functions", "tool_choice", "previous_response_id"} & request.keys()
    assert request["store"] is False
