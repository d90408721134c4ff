"""How long people and code took, from records alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import SECOND_US, rfc3339
from triage.after.times import Happened, IncidentTimes, averages, times, with_and_without_ai

T = 1_795_000_000_000_000


def happened(kind: str, second: int, approval: str = "") -> Happened:
    return Happened(kind, rfc3339(T + second * SECOND_US), approval)


WHOLE = [
    happened("incident.opened", 20),
    happened("incident.brief", 24),
    happened("approval.requested", 25, "a1"),
    happened("incident.acknowledged", 50),
    happened("incident.brief", 60),
    happened("approval.decision", 85, "a1"),
    happened("incident.resolved", 320),
]


def test_each_time_is_between_the_first_of_two_records():
    found = times(T, WHOLE)
    assert found == IncidentTimes(
        to_brief_ms=4_000,
        to_acknowledge_ms=30_000,
        to_recover_ms=320_000,
        to_decide_ms=(60_000,),
    )


def test_taking_over_an_open_incident_is_acknowledging_it():
    found = times(T, [happened("incident.opened", 0), happened("incident.taken_over", 9)])
    assert found.to_acknowledge_ms == 9_000


def test_what_opened_again_is_over_when_it_was_over_last():
    again = [happened("incident.reopened", 400)]
    assert times(T, [*WHOLE, *again]).to_recover_ms is None
    last = [*again, happened("incident.closed", 500)]
    assert times(T, [*WHOLE, *last]).to_recover_ms == 500_000


def test_a_quorum_of_two_was_decided_by_its_first_decision():
    second = happened("approval.decision", 200, "a1")
    assert times(T, [*WHOLE, second]).to_decide_ms == (60_000,)


def test_a_model_that_answered_after_people_had_decided_did_not_help_them():
    assert times(T, [happened("ai.suggestion", 30), *WHOLE]).with_ai
    assert not times(T, [*WHOLE, happened("ai.suggestion", 90)]).with_ai
    assert not times(T, WHOLE).with_ai


def test_what_was_no_incident_of_its_own_has_no_weight():
    none = times(T, [*WHOLE[:1], happened("incident.not_an_incident", 30)])
    found = averages([times(T, WHOLE), none])
    assert (found.incidents, found.mttr_ms, found.rests_on["mttr"]) == (1, 320_000, 1)


def test_nothing_known_is_no_zero():
    found = averages([])
    assert (found.mtta_ms, found.mttr_ms, found.median_decision_ms) == (None, None, None)


def test_incidents_with_and_without_a_model_are_never_mixed():
    helped = times(T, [happened("ai.suggestion", 30), *WHOLE])
    ai, code = with_and_without_ai([helped, times(T, WHOLE), times(T, WHOLE)])
    assert (ai.incidents, code.incidents) == (1, 2)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_a_mean_lies_between_the_fastest_and_the_slowest(taken):
    found = averages([IncidentTimes(to_acknowledge_ms=one) for one in taken])
    assert found.mtta_ms is not None
    assert min(taken) <= found.mtta_ms <= max(taken)
    assert found.rests_on["mtta"] == len(taken)
