"""When an open alert may close; and laws of it."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import MINUTE_US, SECOND_US
from slo.alert_state import Observation, OpenAlert, Verdict, step

BUDGET = Fraction(5, 1000)
NOW = 10**15
QUIET = OpenAlert(last_fire_us=NOW - 120 * SECOND_US, busiest=500)


def seen(**changes: object) -> Observation:
    values: dict[str, object] = {
        "at_us": NOW,
        "no_data": False,
        "fires": False,
        "bad": 0,
        "total": 720,
    }
    return Observation(**{**values, **changes})


def verdict(alert: OpenAlert, **changes: object) -> Verdict:
    return step(alert, seen(**changes), BUDGET).verdict


def test_it_closes_after_two_quiet_minutes_at_a_calm_ratio() -> None:
    result = step(QUIET, seen(bad=12), BUDGET)
    assert result.verdict is Verdict.CLOSE
    assert result.reason.startswith("12 of 720 attempts failed")


def test_it_holds_above_3_6_times_the_budget_ratio() -> None:
    assert verdict(QUIET, bad=13) is Verdict.HOLD  # 3.6 * 0.5 % of 720 = 12.96


def test_it_holds_until_two_minutes_have_passed() -> None:
    early = OpenAlert(NOW - 119 * SECOND_US, 500)
    assert verdict(early) is Verdict.HOLD


def test_a_fire_told_by_a_clock_that_ran_ahead_holds_it_for_two_minutes_only() -> None:
    ahead = step(OpenAlert(NOW + 10**12, 500), seen(), BUDGET)
    assert (ahead.verdict, ahead.alert.last_fire_us) == (Verdict.HOLD, NOW)
    assert step(ahead.alert, seen(at_us=NOW + 120 * SECOND_US), BUDGET).verdict is Verdict.CLOSE


def test_a_fire_renews_the_wait() -> None:
    result = step(QUIET, seen(fires=True), BUDGET)
    assert (result.verdict, result.alert.last_fire_us) == (Verdict.HOLD, NOW)


def test_without_data_nothing_moves() -> None:
    result = step(QUIET, seen(no_data=True, fires=True), BUDGET)
    assert (result.verdict, result.alert) == (Verdict.FROZEN, QUIET)


def test_with_little_traffic_it_waits_for_fifteen_quiet_minutes() -> None:
    assert verdict(QUIET, total=19) is Verdict.HOLD
    long_ago = OpenAlert(NOW - 15 * MINUTE_US, 500)
    result = step(long_ago, seen(total=19), BUDGET)
    assert result.verdict is Verdict.CLOSE
    assert "lack of evidence" in result.reason
    assert verdict(long_ago, total=19, bad=1) is Verdict.HOLD


def test_a_segment_whose_traffic_moved_away_follows_the_objective() -> None:
    moved = {"total": 0, "is_segment": True, "rest_total": 700}
    assert verdict(QUIET, **moved) is Verdict.CLOSE
    assert verdict(QUIET, **moved, rest_bad=50) is Verdict.HOLD
    small = OpenAlert(NOW - 120 * SECOND_US, busiest=8)
    assert verdict(small, **moved) is Verdict.HOLD


observations = st.builds(
    lambda bad, more, fires, no_data, rest: seen(
        bad=bad, total=bad + more, fires=fires, no_data=no_data, rest_total=rest, is_segment=True
    ),
    st.integers(0, 50),
    st.integers(0, 2000),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2000),
)


@given(observations, st.integers(0, 3600))
def test_law_it_never_closes_while_firing_blind_or_early(
    observation: Observation, quiet_s: int
) -> None:
    result = step(OpenAlert(NOW - quiet_s * SECOND_US, 100), observation, BUDGET)
    if observation.fires or observation.no_data or quiet_s < 120:
        assert result.verdict is not Verdict.CLOSE
    assert result.reason
    assert result.alert.last_fire_us <= NOW


@given(observations, st.integers(0, 3600))
def test_law_an_alert_only_closes_on_what_is_calm(observation: Observation, quiet_s: int) -> None:
    result = step(OpenAlert(NOW - quiet_s * SECOND_US, 100), observation, BUDGET)
    if result.verdict is Verdict.CLOSE:
        assert observation.bad <= Fraction(36, 10) * BUDGET * max(observation.total, 1)
