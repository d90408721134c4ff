"""A plan says of a unit what each objective would say by itself."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slo.ledger import rulebook
from slo.ledger.contribution import segment_of, verdict_of
from slo.ledger.rulebook import NO_PLAN, Rulebook
from slo.objective import Indicator, Selector, Threshold, UnitKind
from tests.slo.ledger.till import event, payments

ENDS = frozenset({"payment.succeeded", "payment.failed"})
words = st.frozensets(st.sampled_from(["", "a", "1", "True", "None", "1.0"]), min_size=1)
fields = st.sampled_from(["provider", "country", "vip", "tries"])
wheres = st.dictionaries(fields, words, max_size=2)


@st.composite
def objectives(draw):
    total = Selector(ENDS, draw(wheres), draw(wheres))
    kind = draw(st.sampled_from(["good", "bad", "threshold"]))
    if kind == "threshold":
        limit = draw(st.sampled_from([10.0, 20.0]))
        part = {"threshold": Threshold("latency_ms", draw(st.sampled_from(["lte", "gt"])), limit)}
    else:
        part = {kind: Selector(frozenset({"payment.succeeded"}), draw(wheres), draw(wheres))}
    segments = draw(st.sampled_from([(), ("provider",), ("country", "vip")]))
    return payments(indicator=Indicator(total, **part), segments=segments)


values = st.sampled_from(["a", "1", 1, 1.0, True, None, "None"])


@st.composite
def outcomes(draw):
    told = {name: draw(values) for name in ("vip", "tries")}
    return event(
        draw(st.sampled_from(["succeeded", "failed"])),
        0,
        provider=draw(st.sampled_from(["", "a", "1"])),
        country=draw(st.sampled_from(["", "a", "None"])),
        latency_ms=draw(st.sampled_from([None, 10, 15.0, 20.5])),
        attributes={name: value for name, value in told.items() if value is not None},
    )


@given(st.lists(objectives(), min_size=1, max_size=5), st.lists(outcomes(), max_size=12))
def test_a_plan_is_what_each_objective_says(rules, units):
    book = Rulebook(dict(enumerate(rules)), rules)
    for unit in units:
        told = [(no, verdict_of(one, unit), segment_of(one, unit)) for no, one in enumerate(rules)]
        expected = [entry for entry in told if entry[1] is not None]
        assert list(book.plan(UnitKind.PAYMENT, unit).entries) == expected


def test_units_that_no_rule_can_tell_apart_share_a_plan():
    book = Rulebook({1: payments()}, ())
    one, other = event("succeeded", 0, "p1"), event("succeeded", 9, "p2", order_id="o")
    assert book.plan(UnitKind.PAYMENT, one) is book.plan(UnitKind.PAYMENT, other)
    assert book.plan(UnitKind.PAYMENT, event("refunded", 0)) is NO_PLAN
    assert book.plan(UnitKind.CHECKOUT, one) is NO_PLAN


def test_what_is_not_set_is_none_of_the_values():
    named = Selector(ENDS, {"vip": frozenset({"None", ""})})
    rule = payments(indicator=Indicator(named, good=Selector(ENDS)))
    assert verdict_of(rule, event("succeeded", 0)) is None
    assert verdict_of(rule, event("succeeded", 0, attributes={"vip": "None"})) is not None


def test_plans_are_bounded(monkeypatch):
    monkeypatch.setattr(rulebook, "_MAX_PLANS", 10)
    book = Rulebook({1: payments(segments=("cart",))}, ())
    for number in range(100):
        unit = event("succeeded", 0, attributes={"cart": str(number)})
        assert book.plan(UnitKind.PAYMENT, unit).entries[0][2] == (str(number),)
    shape = book._shapes[UnitKind.PAYMENT, "payment.succeeded"]
    assert len(shape._plans) <= 10


def test_plans_of_many_objectives_are_bounded_by_their_entries(monkeypatch):
    monkeypatch.setattr(rulebook, "_MAX_ENTRIES", 60)
    objectives = {number: payments(f"o{number}") for number in range(20)}
    rules = Rulebook(objectives, objectives.values())
    plans = {
        rules.plan(UnitKind.PAYMENT, event("succeeded", 0, country=f"C{number}"))
        for number in range(10)
    }
    [shape] = [one for one in rules._shapes.values() if one._plans]
    assert sum(len(one.entries) for one in shape._plans.values()) <= 80
    for plan in plans:
        assert len({id(key) for _, _, key in plan.entries}) == 1
