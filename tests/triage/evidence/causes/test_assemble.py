"""From telemetry rows to a scene, whatever the rows hold."""

from __future__ import annotations

import math

import pytest

from kernel.telemetry_store.port import ChangeRow, LogRow, MetricRow, SpanRow
from triage.evidence.causes.assemble import (
    MAX_NAME,
    calls_of,
    changes_of,
    series_of,
    symptoms_of,
    vendors_of,
)


def metric(n: int, value: float, name: str = "wait_ms") -> MetricRow:
    return MetricRow(1, n, n, "payments", name, "ms", value)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_measurement(odd: float) -> None:
    (series,) = series_of([metric(1, 2.0), metric(2, odd), metric(3, 4.0)])

    assert [value for _, value in series.points] == [2.0, 4.0]


def test_a_series_without_any_number_is_none() -> None:
    assert series_of([metric(1, math.nan)]) == []


def test_names_have_a_bound() -> None:
    (series,) = series_of([metric(1, 1.0, name="x" * 5_000)])

    assert len(series.name) == MAX_NAME


def test_a_message_with_other_values_is_the_same_message() -> None:
    rows = [LogRow(1, n, n, "till", 17, f"no connection after {n} ms") for n in range(10)]
    (symptom,) = symptoms_of(rows, usual_until_us=4)

    assert (symptom.before, symptom.count, symptom.bad) == (4, 6, True)


def test_an_information_is_no_bad_message_and_what_was_there_before_has_no_first_time() -> None:
    rows = [LogRow(1, n, n, "till", 9, "served") for n in range(10)]
    (symptom,) = symptoms_of(rows, usual_until_us=4)

    assert not symptom.bad
    assert symptom.first_us == 0


def test_only_spans_of_one_trace_tell_who_calls_whom() -> None:
    def span(trace: str, own: str, parent: str, service: str, item: int) -> SpanRow:
        return SpanRow(1, item, trace, own, parent, service, "x", "", 0, 1, "ok", "")

    rows = [
        span("t1", "a", "", "web", 1),
        span("t1", "b", "a", "till", 2),
        span("t2", "c", "a", "lost", 3),
    ]

    assert calls_of(rows) == {"web": frozenset({"till"})}


def test_a_deploy_belongs_to_the_commit_that_it_names_and_else_stands_for_itself() -> None:
    rows = [
        ChangeRow(1, 1, 10, "other", "till", "tidy", attributes={"commit": "c1", "diff": "+a"}),
        ChangeRow(1, 2, 20, "deploy", "till", "", "2.0", attributes={"sha": "c1"}),
        ChangeRow(1, 3, 30, "deploy", "web", "", "7.1"),
        ChangeRow(1, 4, 40, "flag", "web", "new_tile on"),
    ]
    suspects, deployments = changes_of(rows)
    by_ref = {one.ref: one for one in suspects}

    assert [run.at_us for run in by_ref["c1"].deployed] == [20]
    assert by_ref["web 7.1 @1.3"].deployed[0].service == "web"
    assert by_ref["flag new_tile on @1.4"].deployed[0].at_us == 40
    assert len(deployments) == 2


def test_a_vendor_is_never_a_suspect_and_without_a_beginning_the_time_it_was_told_counts() -> None:
    row = ChangeRow(
        1, 1, 50, "vendor", "parcels", "parcels: rates fail", attributes={"status": "x"}
    )

    assert changes_of([row]) == ([], [])
    assert vendors_of([row])[0].from_us == 50


def test_two_changes_of_the_same_words_stay_two() -> None:
    rows = [
        ChangeRow(
            1, 1, 10, "config", "till", "config of till", attributes={"diff": "-a: 1\n+a: 2"}
        ),
        ChangeRow(
            1, 2, 90, "config", "till", "config of till", attributes={"diff": "-b: 9\n+b: 1"}
        ),
        ChangeRow(1, 3, 20, "deploy", "till", "", "1.0"),
        ChangeRow(1, 4, 95, "deploy", "till", "", "1.0"),
    ]
    suspects, _ = changes_of(rows)

    assert len({one.ref for one in suspects}) == 4
    assert sorted(run.at_us for one in suspects for run in one.deployed) == [10, 20, 90, 95]
