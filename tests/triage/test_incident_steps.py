"""The state machine and the judgement of severity."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import HOUR_US, MINUTE_US
from kernel.errors import Conflict
from triage.incident import (
    Event,
    Impact,
    Incident,
    IncidentState,
    Rate,
    Severity,
    SeverityScale,
    Weight,
    heavier,
    impact_step,
    is_quiet,
    rate_window,
    severity,
    severity_and_why,
    step,
    weighed,
)

SCALE = SeverityScale()


def test_an_incident_is_taken_and_then_over():
    taken = step(Incident(), Event.ACKNOWLEDGED, 10)
    assert (taken.state, taken.acknowledged_us) == (IncidentState.ACKNOWLEDGED, 10)
    over = step(taken, Event.ALL_CLEAR, 20)
    assert (over.state, over.acknowledged_us, over.resolved_us) == ("resolved", 10, 20)


def test_acknowledging_twice_keeps_the_first():
    taken = step(Incident(), Event.ACKNOWLEDGED, 10)
    assert step(taken, Event.ACKNOWLEDGED, 99) == taken


def test_nobody_acknowledges_what_is_over():
    over = step(Incident(), Event.ALL_CLEAR, 20)
    with pytest.raises(Conflict, match="over"):
        step(over, Event.ACKNOWLEDGED, 30)


def test_a_person_closes_only_what_is_stale():
    with pytest.raises(Conflict, match="still confirmed"):
        step(Incident(), Event.CLOSED, 10)
    stale = step(Incident(), Event.QUIET, 10)
    assert stale.stale
    assert step(stale, Event.CLOSED, 20).state == "resolved"


def test_a_refresh_takes_the_stale_flag_away():
    assert not step(step(Incident(), Event.QUIET, 10), Event.REFRESHED, 20).stale


def test_what_fires_after_the_end_opens_it_again_for_everybody():
    over = step(step(Incident(), Event.ACKNOWLEDGED, 1), Event.ALL_CLEAR, 2)
    assert step(over, Event.FIRING, 3) == Incident()


@given(st.lists(st.sampled_from(Event)), st.sampled_from(Event))
def test_every_event_is_idempotent(events, last):
    incident = Incident()
    for at_us, event in enumerate([*events, last]):
        try:
            incident = step(incident, event, at_us)
        except Conflict:
            continue
    try:
        once = step(incident, last, 1000)
        assert step(once, last, 2000) == once
    except Conflict:
        pass


def test_silence_is_stale_after_four_hours_or_twice_the_repeat_interval():
    assert not is_quiet(0, 60, 4 * HOUR_US - 1)
    assert is_quiet(0, 60, 4 * HOUR_US)
    assert not is_quiet(0, 4 * 3600, 8 * HOUR_US - 1)
    assert is_quiet(0, 4 * 3600, 8 * HOUR_US)


@pytest.mark.parametrize(
    ("impact", "label", "expected"),
    [
        (None, "warning", Severity.MINOR),
        (None, "page", Severity.MAJOR),
        (Impact(total=100, recent_bad=0, minutes=5), "critical", Severity.MAJOR),
        (Impact(total=100, recent_bad=0, minutes=5), "warning", Severity.MINOR),
        (Impact(total=100, recent_bad=5, minutes=5), "", Severity.MAJOR),
        (Impact(total=100, recent_bad=50, minutes=5), "info", Severity.CRITICAL),
    ],
)
def test_severity_follows_the_orders_that_fail(impact, label, expected):
    assert severity(impact, [label], SCALE) is expected


def test_one_large_order_a_minute_is_critical_by_its_money():
    impact = Impact(total=9, recent_bad=1, minutes=5, recent_bad_minor={"EUR": 600_000, "JPY": 900})
    assert impact.money_per_minute == 1200.0
    assert severity(impact, [], SCALE) is Severity.CRITICAL


@pytest.mark.parametrize(
    ("impact", "label", "expected"),
    [
        (None, "page", "its alert asks to page; what is lost is not known yet"),
        (None, "", "nothing is known to be lost"),
        (
            Impact(total=9, recent_bad=2, minutes=5, recent_bad_minor={"EUR": 600_000}),
            "",
            "1,200.00 EUR per minute at risk",
        ),
        (Impact(total=90, recent_bad=60, minutes=5), "", "12.0 attempts per minute fail"),
        (
            Impact(total=9, recent_bad=1, minutes=5),
            "page",
            "its alert asks to page; 0.2 attempts per minute fail, no money at risk",
        ),
        (
            Impact(missing_low=12.5, missing_minor_low={"EUR": 50_000}),
            "",
            "at least 12.5 attempts per minute do not begin",
        ),
        (
            Impact(total=9, recent_bad=5, minutes=5, missing_low=2),
            "",
            "1.0 attempts per minute fail, at least 2.0 attempts per minute do not begin",
        ),
    ],
)
def test_the_severity_says_which_figure_decides_it(impact, label, expected):
    assert severity_and_why(impact, [label], SCALE)[1] == expected


def test_the_alerts_label_alone_never_makes_it_critical():
    for label in ("critical", "page", "p1", "CRITICAL ", "sev1"):
        for impact in (None, Impact(), Impact(total=9, recent_bad=1, minutes=5)):
            assert severity(impact, [label], SCALE) is Severity.MAJOR


def test_attempts_that_never_begin_weigh_like_those_that_fail():
    gone = Impact(missing_low=6.0, missing_minor_low={"EUR": 90_000.0})
    assert severity(gone, [], SCALE) is Severity.MAJOR
    both = replace(gone, total=50, recent_bad=20, minutes=5, recent_bad_minor={"EUR": 50_000})
    assert severity(both, [], SCALE) is Severity.CRITICAL
    assert both.money_at_risk == Rate(100_000.0, "EUR")


def test_each_tenfold_of_a_critical_loss_is_a_step():
    steps = [
        impact_step(Impact(total=9, recent_bad=bad, minutes=5), SCALE)
        for bad in (0, 4, 5, 49, 50, 499, 500, 5_000, 10**20)
    ]
    assert steps == [0, 0, 1, 1, 2, 2, 3, 4, 9]


@given(st.sampled_from(Severity), st.integers(0, 9), st.sampled_from(Severity), st.integers(0, 9))
def test_a_persons_word_yields_only_to_a_loss_that_grew_and_asks_for_more(said, at, found, step):
    after = weighed(Weight(said, "rob", at), found, step)
    yields = step > at and found.weight > said.weight
    assert after == (Weight(found) if yields else Weight(said, "rob", at))


def test_what_was_judged_to_be_none_or_merged_never_opens_again():
    for event in (Event.DISMISSED, Event.MERGED):
        over = step(Incident(), event, 5)
        assert over.resolution.final
        assert step(over, Event.FIRING, 9) == over


def test_yen_have_no_cents():
    assert Impact(minutes=1, recent_bad_minor={"JPY": 900}).money_per_minute == 900.0


def test_severity_does_not_fall_by_itself():
    assert heavier(Severity.CRITICAL, Severity.MINOR) is Severity.CRITICAL
    assert heavier(Severity.MINOR, Severity.MAJOR) is Severity.MAJOR


def test_the_rate_is_of_the_newest_five_minutes_since_the_onset():
    now = 100 * MINUTE_US
    assert rate_window(0, now) == (95 * MINUTE_US, now)
    assert rate_window(98 * MINUTE_US, now) == (98 * MINUTE_US, now)
    assert rate_window(now, now) == (99 * MINUTE_US, now)
