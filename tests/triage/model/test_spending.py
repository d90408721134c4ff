"""What the model may cost: booked before a call, set right after, kept over a restart, shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from app.fakes.openai_server import FakeMode
from kernel.clock import FrozenClock
from tests.triage.model.conftest import OUTAGE, Books, bundle_of, client_of, finding
from triage.model.allowance import Caps, Spend, cost_micros, refusal
from triage.model.outcome import Answered, BudgetSpent, Failed, Stopped
from triage.model.settings import ModelSettings
from triage.model.spending import Spending
from triage.model.tally import ModelCollector

STEPS = []


def incident(number: int):
    return bundle_of(*OUTAGE, incident_id=f"inc-{number}")


def test_the_tokens_of_an_incident_run_out_and_another_incident_may_still_ask(service, outage):
    client = client_of(service, model_tokens_per_incident=6_700)
    assert isinstance(client.explain(outage, STEPS), Answered)
    outcome = client.explain(outage, STEPS)
    assert isinstance(outcome, BudgetSpent)
    assert outcome.reason == "the incident's token budget is spent"
    assert [draft.type for draft in outcome.audit] == ["ai.rejected"]
    assert isinstance(client.explain(incident(2), STEPS), Answered)
    assert len(service.requests) == 2


def test_the_tokens_of_the_day_come_back_on_the_next_day(service, outage):
    clock = FrozenClock()
    client = client_of(service, clock, model_tokens_per_day=6_700)
    assert isinstance(client.explain(outage, STEPS), Answered)
    assert isinstance(client.explain(incident(2), STEPS), BudgetSpent)
    clock.advance_s(86_400)
    assert isinstance(client.explain(incident(2), STEPS), Answered)


def test_a_restart_forgets_nothing_that_was_spent(service, outage):
    settings = {"model_tokens_per_day": 6_700}
    assert isinstance(client_of(service, **settings).explain(outage, STEPS), Answered)
    assert isinstance(client_of(service, **settings).explain(incident(2), STEPS), BudgetSpent)


def test_a_storm_of_incidents_stays_under_the_cap(service):
    cap = 40_000
    client = client_of(service, model_tokens_per_day=cap)
    outcomes = [client.explain(incident(number), STEPS) for number in range(100)]
    spent = Spending(Books.database, FrozenClock()).today()
    assert spent.tokens <= cap
    assert spent.calls == len(service.requests) < 100
    assert {type(one) for one in outcomes} == {Answered, BudgetSpent}
    assert outcomes[-1].reason == "the day's token budget is spent"


def test_a_part_of_the_day_is_kept_for_incidents_that_lose_money(service):
    client = client_of(service, model_tokens_per_day=10_000, model_share_for_money=0.5)
    poor = [one for one in OUTAGE if one.kind != "impact"]
    assert isinstance(client.explain(bundle_of(*poor), STEPS), BudgetSpent)
    assert isinstance(client.explain(incident(2), STEPS), Answered)


def test_time_and_money_have_caps_of_their_own(service, outage):
    slow = client_of(service, model_seconds_per_incident=10)
    assert slow.explain(outage, STEPS).reason == "the incident's time budget is spent"
    prices = {"model_price_input": 1.0, "model_price_output": 4.0}
    dear = client_of(service, model_cost_per_day=0.01, **prices)
    assert dear.explain(outage, STEPS).reason == "the day's cost budget is spent"
    blind = client_of(service, model_cost_per_day=0.01)
    assert "without TILLWATCH_MODEL_PRICE_INPUT" in blind.explain(outage, STEPS).reason
    paid = client_of(service, model_cost_per_day=10, **prices).explain(outage, STEPS)
    assert paid.cost_micros == paid.audit[-1].data["cost_micros"] > 0


def test_what_failed_is_paid_for_as_if_it_had_been_answered(service, outage):
    service.mode = FakeMode.ERROR_500
    outcome = client_of(service).explain(outage, STEPS)
    assert isinstance(outcome, Failed)
    assert outcome.tokens > 4_000


def test_a_service_that_tells_no_tokens_or_too_few_is_booked_by_the_size_of_the_question(service):
    client = client_of(service)
    client.explain(incident(1), STEPS)
    [(_, body)] = service.requests
    assert Spending(Books.database, FrozenClock()).today().tokens >= len(body) // 8


def test_the_switch_stops_every_question_and_the_brief_says_so(service, outage):
    outcome = client_of(service, model_stop=True).explain(outage, STEPS)
    assert isinstance(outcome, Stopped)
    assert "switched off" in outcome.reason
    assert not service.requests


def test_metrics_tell_outcomes_claims_tokens_and_the_circuit(service, outage):
    client = client_of(service, model_circuit_failures=1)
    client.explain(outage, STEPS)
    service.mode = FakeMode.ERROR_500
    client.explain(outage, STEPS)
    registry = CollectorRegistry()
    registry.register(ModelCollector(client.tally, Spending(Books.database, FrozenClock())))
    text = generate_latest(registry).decode()
    assert 'tillwatch_model_explanations_total{result="answered"} 1.0' in text
    assert 'tillwatch_model_explanations_total{result="failed"} 1.0' in text
    assert 'tillwatch_model_claims_total{result="kept"} 4.0' in text
    assert "tillwatch_model_circuit_open 1.0" in text
    assert "tillwatch_model_day_tokens 0" not in text


amounts = st.integers(0, 10**6)
spends = st.builds(Spend, amounts, amounts, amounts, st.just(1))


@given(st.lists(spends, max_size=30), amounts, amounts, amounts)
def test_whoever_asks_first_never_gets_beyond_a_cap(needs, tokens, cost, wall):
    caps, spent = Caps(tokens, cost, wall), Spend()
    for need in needs:
        if not refusal(spent, need, caps, "the day's"):
            spent += need
    assert spent.tokens <= tokens
    assert spent.wall_ms <= wall
    assert not cost or spent.cost_micros <= cost


@given(amounts, amounts)
def test_a_cost_is_never_told_as_less_than_it_is(input_tokens, output_tokens):
    settings = ModelSettings(model_price_input=0.15, model_price_output=0.6)
    exact = input_tokens * 0.15 + output_tokens * 0.6
    assert exact <= cost_micros(settings, input_tokens, output_tokens) < exact + 1


def test_a_call_that_never_came_back_stays_booked_and_settling_sets_it_right():
    clock = FrozenClock()
    spending, caps = Spending(Books.database, clock), Caps(100, 0, 100)
    need = Spend(60, 0, 50, 1)
    assert spending.reserve("a", need, caps, caps) == ""
    assert spending.reserve("b", need, caps, caps) == "the day's token budget is spent"
    spending.settle("a", need, Spend(10, 0, 5, 1))
    assert spending.today() == Spend(10, 0, 5, 1)
    assert spending.reserve("b", need, caps, caps) == ""


def test_finding_without_money_is_no_money_incident():
    from triage.model.permits import loses_money

    assert loses_money(bundle_of(*OUTAGE))
    assert not loses_money(bundle_of(finding("impact", lost_minor_EUR=0)))
