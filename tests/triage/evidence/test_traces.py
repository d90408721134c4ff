"""Critical path and comparison of traces, odd ones included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.telemetry_store.port import SpanRow
from triage.evidence.critical_path import critical_path, trees
from triage.evidence.traces import compare_traces


def span(
    span_id: str, parent: str, start_ms: int, end_ms: int, service="shop", status="ok", trace="t"
) -> SpanRow:
    return SpanRow(
        1, 1, trace, span_id, parent, service, f"op {span_id}", "server",
        start_ms * 1000, end_ms * 1000, status, "",
    )  # fmt: skip


def path_of(*spans: SpanRow) -> dict[str, int]:
    [tree] = trees(spans)
    return {part.span.span_id: part.self_us // 1000 for part in critical_path(tree)}


def test_sequential_children_are_both_on_the_path_and_leave_the_parent_nothing():
    path = path_of(span("p", "", 0, 100), span("a", "p", 0, 40), span("b", "p", 40, 100))
    assert path == {"p": 0, "a": 40, "b": 60}


def test_of_parallel_children_the_chain_that_finishes_last_is_on_the_path():
    path = path_of(span("p", "", 0, 100), span("a", "p", 10, 60), span("b", "p", 20, 90))
    assert path == {"p": 10 + 10, "a": 10, "b": 70}


def test_a_parallel_child_wholly_covered_is_off_the_path():
    path = path_of(span("p", "", 0, 100), span("a", "p", 20, 80), span("b", "p", 10, 90))
    assert path == {"p": 20, "b": 80}


def test_gaps_between_children_are_the_parents_own_time():
    path = path_of(span("p", "", 0, 100), span("a", "p", 10, 20), span("b", "p", 50, 70))
    assert path == {"p": 70, "a": 10, "b": 20}


def test_the_path_goes_down_through_grandchildren():
    path = path_of(span("p", "", 0, 100), span("a", "p", 0, 90), span("g", "a", 10, 80))
    assert path == {"p": 10, "a": 20, "g": 70}


def test_a_child_beyond_its_parent_is_clipped_and_told_of():
    spans = [span("p", "", 0, 100), span("a", "p", -20, 50), span("b", "p", 80, 140)]
    assert path_of(*spans) == {"p": 30, "a": 50, "b": 20}
    assert trees(spans)[0].odd == ("child outside its parent",)


def test_a_child_wholly_outside_its_parent_is_off_the_path():
    path = path_of(span("p", "", 0, 100), span("a", "p", 200, 300), span("b", "p", -50, 0))
    assert path == {"p": 100}


def test_a_span_whose_parent_is_missing_hangs_under_the_only_root_around_it():
    path = path_of(span("p", "", 0, 100), span("o", "gone", 10, 60))
    assert path == {"p": 50, "o": 50}


def test_without_any_root_the_orphans_are_roots():
    found = trees([span("a", "gone", 0, 10), span("b", "gone", 20, 50)])
    assert [tree.root.span_id for tree in found] == ["a", "b"]
    assert found[0].odd == ("missing parent",)


def test_many_requests_under_one_trace_id_are_many_trees():
    spans = [span(f"r{n}", "", n * 100, n * 100 + 50, trace="same") for n in range(5)]
    spans += [span(f"c{n}", f"r{n}", n * 100, n * 100 + 40, trace="same") for n in range(5)]
    assert [tree.size for tree in trees(spans)] == [2] * 5


def test_a_cycle_is_left_out_and_told_of():
    spans = [span("p", "", 0, 100), span("a", "b", 0, 50), span("b", "a", 0, 50)]
    [tree] = trees(spans)
    assert tree.size == 1
    assert "cycle" in tree.odd


def test_a_span_that_is_its_own_parent_harms_nothing():
    assert path_of(span("p", "", 0, 100), span("a", "a", 0, 50)) == {"p": 100}


def test_only_a_cycle_is_no_tree():
    assert trees([span("a", "b", 0, 50), span("b", "a", 0, 50)]) == []


def test_the_same_span_twice_counts_once():
    [tree] = trees([span("p", "", 0, 100), span("p", "", 0, 100)])
    assert tree.size == 1
    assert tree.odd == ("duplicate span id",)


def test_a_span_that_ends_before_it_starts_takes_no_time():
    assert path_of(span("p", "", 100, 0)) == {"p": 0}


def test_a_very_deep_trace_needs_no_recursion():
    spans = [span(str(n), str(n - 1) if n else "", 0, 10_000 - n) for n in range(4000)]
    [tree] = trees(spans)
    assert sum(part.self_us for part in critical_path(tree)) == 10_000_000


times = st.integers(min_value=-50, max_value=150)


@given(st.lists(st.tuples(st.integers(0, 8), times, times), max_size=12))
def test_self_times_of_the_path_sum_to_the_duration_whatever_the_children(children):
    spans = [span("0", "", 0, 100)]
    spans += [
        span(str(n), str(parent), start, end)
        for n, (parent, start, end) in enumerate(children, start=1)
    ]
    for tree in trees(spans):
        path = critical_path(tree)
        assert sum(part.self_us for part in path) == max(0, tree.root.end_us - tree.root.start_us)
        assert all(part.self_us >= 0 for part in path)


def test_the_slow_operation_and_the_deepest_error_are_found():
    def request(trace: str, call_ms: int, status: str) -> list[SpanRow]:
        return [
            span("r", "", 0, call_ms + 20, "checkout", status, trace),
            span("c", "r", 5, call_ms + 15, "payments", status, trace),
            span("d", "c", 10, call_ms + 10, "adyen-client", status, trace),
        ]

    failing = [request(f"f{n}", 3000, "error") for n in range(4)]
    healthy = [request(f"h{n}", 100, "ok") for n in range(6)]
    found = compare_traces(failing, healthy)
    assert found is not None
    assert (found.failing, found.healthy) == (4, 6)
    first = found.operations[0]
    assert (first.service, first.delta_us) == ("adyen-client", 2_900_000)
    assert found.errors[0].service == "adyen-client"
    assert found.errors[0].traces == 4
    assert found.exemplars == ("f0", "f1", "f2", "f3")


@pytest.mark.parametrize("failing", [[], [[]]])
def test_without_failing_traces_there_is_nothing_to_compare(failing):
    assert compare_traces(failing, [[span("r", "", 0, 1)]]) is None


def test_without_healthy_traces_the_failing_ones_stand_alone():
    found = compare_traces([[span("r", "", 0, 50, status="error")]], [])
    assert found is not None
    assert found.healthy == 0
    assert found.failing_us == 50_000
