"""Budgets on names and label values: exact, fair, and flat whatever is sent."""

from __future__ import annotations

import json
import tracemalloc
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.cardinality import OTHER, Budgets, Cardinality
from collector.otlp.signals import LOGS, METRICS, TRACES, Signal
from kernel.clock import HOUR_US
from tests.collector.world import World

EVER = {"from_us": 0, "to_us": 1 << 60}
SMALL = Budgets(names=3, values=4, in_all=20, sources=4, name_length=8, value_length=6)


def known(budgets: Budgets = SMALL) -> Cardinality:
    made = Cardinality(budgets)
    made.begin(HOUR_US)
    return made


def labels(budget: Cardinality, source: str, given: dict[str, Any], dropped: Any) -> Any:
    return budget.attributes(source, given, dropped, labels=True)


# --- pure ----------------------------------------------------------------------------------------


def test_values_beyond_the_budget_become_other_and_are_counted():
    budget, dropped = known(), Counter()
    seen = [labels(budget, "s", {"a": f"v{n}"}, dropped)["a"] for n in range(7)]
    assert seen == ["v0", "v1", "v2", "v3", OTHER, OTHER, OTHER]
    assert labels(budget, "s", {"a": "v2"}, dropped) == {"a": "v2"}
    assert dropped == {("s", "a"): 3}


def test_names_beyond_the_budget_give_way_to_one_name():
    budget, dropped = known(), Counter()
    given = dict.fromkeys("abcde", "x")
    assert labels(budget, "s", given, dropped) == {"a": "x", "b": "x", "c": "x", OTHER: OTHER}
    assert dropped == {("s", OTHER): 2}
    assert given == dict.fromkeys("abcde", "x")


def test_what_is_too_long_is_beyond_every_budget():
    budget, dropped = known(), Counter()
    given = {"n" * 9: "x", "a": "v" * 7, "b": 10**30}
    assert labels(budget, "s", given, dropped) == {OTHER: OTHER, "a": OTHER, "b": 10**30}
    assert dropped == {("s", OTHER): 1, ("s", "a"): 1}


def test_wide_attributes_keep_their_values_and_only_their_names_are_bounded():
    budget, dropped = known(), Counter()
    for number in range(100):
        given = {"a": f"v{number}"}
        assert budget.attributes("s", given, dropped, labels=False) is given
    assert dropped == {}


def test_each_hour_begins_anew_and_time_never_runs_back():
    budget, dropped = known(), Counter()
    for number in range(6):
        labels(budget, "s", {"a": f"v{number}"}, dropped)
    budget.begin(HOUR_US - 1)  # a replay of something older
    assert labels(budget, "s", {"a": "new"}, dropped) == {"a": OTHER}
    budget.begin(2 * HOUR_US)
    assert budget.size == 0
    assert labels(budget, "s", {"a": "new"}, dropped) == {"a": "new"}


@given(
    st.lists(
        st.tuples(st.sampled_from("xyz"), st.sampled_from("abcdef"), st.integers(0, 12)),
        max_size=300,
    )
)
def test_a_flood_of_one_source_never_changes_what_another_gets(flood):
    """Whatever the others send, a source within its fair share is admitted in full."""
    budget, dropped = known(), Counter()
    for source, name, value in flood:
        labels(budget, source, {name: value}, dropped)
    # Four sources share room for 20: five names and values are everybody's.
    assert labels(budget, "quiet", {"a": 1, "b": 2}, dropped) == {"a": 1, "b": 2}
    assert not [key for key in dropped if key[0] == "quiet"]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from("abcdef"), st.integers(0, 12)),
        max_size=400,
    )
)
def test_the_counts_are_exact_and_what_is_remembered_is_bounded(sent):
    budget, dropped = known(), Counter()
    replaced: Counter[tuple[str, str]] = Counter()
    for number, name, value in sent:
        source = f"s{number}"
        got = labels(budget, source, {name: value}, dropped)
        if name not in got:
            replaced[source, OTHER] += 1
        elif got[name] == OTHER:
            replaced[source, name] += 1
        else:
            assert got == {name: value}
    assert dropped == replaced
    assert budget.size <= 2 * SMALL.in_all


def test_a_million_unique_labels_cost_no_more_than_the_budget():
    """Once the budget is full, nothing that comes is remembered."""
    budget = known(Budgets(names=1_000, values=1_000, in_all=10_000))
    dropped: Counter[tuple[str, str]] = Counter()
    for number in range(900_000):
        labels(budget, "bomb", {"id": number}, dropped)
    for number in range(2_000):
        labels(budget, "bomb", {f"n{number}": 1}, dropped)
    tracemalloc.start()
    try:
        for number in range(98_000):
            labels(budget, "bomb", {"id": f"v{number}", f"m{number}": 1}, dropped)
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert dropped == {("bomb", "id"): 998_000 - 1_000, ("bomb", OTHER): 100_000 - 999}
    assert budget.size == 1_000 + 1_000 + 999
    assert kept_bytes < 16 * 1024


# --- the projector -------------------------------------------------------------------------------


def attribute(name: str, value: str) -> dict[str, Any]:
    return {"key": name, "value": {"stringValue": value}}


def send(world: World, signal: Signal, document: dict[str, Any], sender: str = "bomb") -> None:
    prepared = world.otlp.prepare(
        signal, json.dumps(document).encode(), as_json=True, encoding="", sender=sender
    )
    assert prepared.append is not None
    world.writer.append(prepared.append).result(20)


def points(world: World, pairs: list[list[dict[str, Any]]], name: str = "m") -> dict[str, Any]:
    now = str(world.clock.now_us() * 1000)
    data = [{"timeUnixNano": now, "asInt": "1", "attributes": one} for one in pairs]
    metric = {"name": name, "gauge": {"dataPoints": data}}
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}


@pytest.fixture
def bounded(world: World) -> World:
    """A projector with small budgets."""
    world.projector._cardinality = Cardinality(Budgets(names=6, values=10, in_all=100))
    return world


def test_a_bomb_of_labels_costs_other_sources_nothing(bounded: World) -> None:
    bomb = [[attribute("id", f"v{number}")] for number in range(50)]
    quiet = [[attribute("shop", f"s{number}")] for number in range(5)]
    send(bounded, METRICS, points(bounded, bomb))
    send(bounded, METRICS, points(bounded, quiet), sender="quiet")
    bounded.project()
    rows = bounded.store.metrics(**EVER)
    values = Counter(str(row.attributes.get("id", "")) for row in rows)
    assert values[OTHER] == 40
    assert sum(row.attributes.get("shop", OTHER) != OTHER for row in rows) == 5
    (left_out,) = bounded.store.dropped_values()
    assert (left_out.source, left_out.name, left_out.amount) == ("bomb", "id", 40)


def test_names_of_metrics_and_services_have_budgets_too(bounded: World) -> None:
    for number in range(12):
        document = points(bounded, [[]], name=f"m{number}")
        group = document["resourceMetrics"][0]
        group["resource"] = {"attributes": [attribute("service.name", f"service-{number}")]}
        send(bounded, METRICS, document)
    bounded.project()
    rows = bounded.store.metrics(**EVER)
    assert Counter(row.name == OTHER for row in rows) == {False: 10, True: 2}
    assert Counter(row.service == OTHER for row in rows) == {False: 10, True: 2}


def test_spans_and_logs_keep_their_values_within_the_budget_of_names(bounded: World) -> None:
    now = str(bounded.clock.now_us() * 1000)
    spans = [
        {
            "traceId": f"{number + 1:032x}",
            "spanId": f"{number + 1:016x}",
            "name": "s",
            "startTimeUnixNano": now,
            "endTimeUnixNano": now,
            "attributes": [attribute("id", f"v{number}")],
        }
        for number in range(20)
    ]
    send(bounded, TRACES, {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]})
    many = [attribute(f"name-{number}", "x") for number in range(20)]
    log = {"timeUnixNano": now, "attributes": many}
    send(bounded, LOGS, {"resourceLogs": [{"scopeLogs": [{"logRecords": [log]}]}]})
    bounded.project()
    assert len({row.attributes["id"] for row in bounded.store.spans(**EVER)}) == 20
    (row,) = bounded.store.logs(**EVER)
    # Six names: `service.name`, `id` of the spans, and the first four.
    assert sorted(row.attributes) == [OTHER, *(f"name-{number}" for number in range(4))]
    assert [one.amount for one in bounded.store.dropped_values()] == [16]


def test_counts_are_exact_across_a_crash_and_shown_with_a_bound(bounded: World) -> None:
    send(bounded, METRICS, points(bounded, [[attribute("id", str(n))] for n in range(30)]))
    bounded.find()
    write = bounded.store.write_as

    def killed(*_: Any) -> None:
        raise OSError("killed")

    bounded.store.write_as = killed  # type: ignore[method-assign]
    with pytest.raises(OSError, match="killed"):
        bounded.projector.step()
    bounded.store.write_as = write  # type: ignore[method-assign]
    bounded.project()
    bounded.project()
    told = bounded.client("viewer-token").get("/api/limits").json()
    (line,) = told["dropped_values"]
    assert (line["source"], line["name"], line["values"]) == ("bomb", "id", 20)
    assert bounded.client().get("/api/limits").status_code == 403
