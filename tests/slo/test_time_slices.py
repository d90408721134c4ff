"""Slices of time: verdicts, tallies, means of ratios, as laws."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.objective import NoDataRule, TimeSlices, Window
from slo.time_slices import Slice, Tally, Verdict, any_bad, borders, tally, verdict
from slo.windows import budget_window, natural_calendar
from tests.slo.shop_till import payments
from tests.slo.test_windows import utc

FIVE_MIN = TimeSlices(5 * MINUTE_US, Fraction(95, 100))
RATIOS = TimeSlices(5 * MINUTE_US)

slices = st.lists(
    st.builds(Slice, st.integers(0, 200), st.integers(0, 50), st.booleans()), max_size=60
)
rules = st.sampled_from(["freeze", "neutral", "bad"])
targets = st.fractions(min_value=Fraction(1, 100), max_value=1)


def test_a_slice_is_good_where_it_reaches_its_target_exactly() -> None:
    target = Fraction(95, 100)
    assert verdict(Slice(95, 5), target) is Verdict.GOOD
    assert verdict(Slice(94, 5), target) is Verdict.BAD
    assert verdict(Slice(0, 0), target) is Verdict.NEUTRAL


def test_good_news_of_a_half_seen_slice_is_missing_and_bad_news_is_bad() -> None:
    target = Fraction(95, 100)
    assert verdict(Slice(100, 0, observed=False), target) is Verdict.MISSING
    assert verdict(Slice(0, 0, observed=False), target) is Verdict.MISSING
    assert verdict(Slice(50, 50, observed=False), target) is Verdict.BAD


def test_a_ratio_slice_spends_its_bad_share() -> None:
    found = tally([Slice(3, 1), Slice(2, 0), Slice(0, 0), Slice(1, 1)], RATIOS, "freeze")
    assert found == Tally(counted=3, bad=Fraction(3, 4), neutral=1)


def test_a_missing_slice_is_left_out_or_bad_by_the_rule() -> None:
    seen = [Slice(10, 0)] * 8 + [Slice(0, 0, observed=False)] * 2
    for method in (FIVE_MIN, RATIOS):
        for rule in ("freeze", "neutral"):
            found = tally(seen, method, rule)
            assert found == Tally(counted=8, bad=Fraction(0), missing=2)
        assert tally(seen, method, "bad") == Tally(counted=10, bad=Fraction(2), gaps=2)
        assert tally(seen, method, "bad").coverage == Fraction(8, 10)


@given(slices, rules, targets)
def test_law_every_slice_is_one_thing(
    found: list[Slice], rule: NoDataRule, target: Fraction
) -> None:
    for method in (replace(FIVE_MIN, target=target), RATIOS):
        result = tally(found, method, rule)
        assert result.counted + result.neutral + result.missing == len(found)
        assert 0 <= result.bad <= result.counted
        assert 0 <= result.coverage <= 1


@given(slices, slices, rules)
def test_law_tallies_of_neighbouring_windows_add_up(
    one: list[Slice], other: list[Slice], rule: NoDataRule
) -> None:
    for method in (FIVE_MIN, RATIOS):
        parts = tally(one, method, rule), tally(other, method, rule)
        whole = tally(one + other, method, rule)
        assert whole.bad == parts[0].bad + parts[1].bad
        assert whole.counted == parts[0].counted + parts[1].counted


@given(slices)
def test_law_the_mean_of_ratios_is_the_sum_of_fractions(found: list[Slice]) -> None:
    seen = [one._replace(observed=True) for one in found]
    shares = [Fraction(one.bad, one.total) for one in seen if one.total]
    assert tally(seen, RATIOS, "freeze").bad == sum(shares)


@given(slices, st.integers(1, 20))
def test_law_slices_without_an_attempt_change_nothing(found: list[Slice], more: int) -> None:
    for method in (FIVE_MIN, RATIOS):
        without = tally(found, method, "freeze").budget(Fraction(1, 100))
        assert tally(found + [Slice(0, 0)] * more, method, "freeze").budget(Fraction(1, 100)) == (
            without
        )


@given(slices, targets)
def test_law_rolled_up_by_any_it_is_never_better_than_a_group(
    found: list[Slice], target: Fraction
) -> None:
    one = [verdict(each, target) for each in found]
    other = [verdict(Slice(each.bad, each.good), target) for each in found]
    together = any_bad([one, other])
    assert [each is Verdict.BAD for each in together] == [
        Verdict.BAD in pair for pair in zip(one, other, strict=True)
    ]


def test_slices_of_a_rolling_window_never_move() -> None:
    objective = payments(window=Window(DAY_US), slices=FIVE_MIN)
    for second in (0, 35, 299):
        at_us = utc("2026-06-10 12:00") + second * 1_000_000 - second % 5 * 1_000_000
        window = budget_window(objective.window, at_us)
        assert borders(objective, FIVE_MIN, window) == (
            utc("2026-06-09 12:00"),
            utc("2026-06-10 12:00"),
        )


def test_slices_of_a_calendar_window_begin_with_it_and_the_open_one_is_not_judged() -> None:
    window = Window(DAY_US, natural_calendar("D", "Asia/Kolkata"))
    objective = payments(window=window, slices=TimeSlices(HOUR_US, Fraction(1, 2)))
    found = budget_window(window, utc("2026-06-09 20:45"))
    assert borders(objective, TimeSlices(HOUR_US), found) == (
        utc("2026-06-09 18:30"),
        utc("2026-06-09 20:30"),
    )
