"""A small part of the traffic that is down; and laws of the rule."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from slo.down_rule import ALPHA, WINDOWS_S, DownRule, down
from slo.fast_tier import SLICE_S, SliceRun

BUDGET = Fraction(5, 1000)
SLICES = 7200 // SLICE_S
EVERY_6_MIN = 360 // SLICE_S


def run(outcomes: str, every: int = EVERY_6_MIN, keyless: bool = False) -> SliceRun:
    """One attempt every `every` slices, the newest one now: "b" is bad, "g" good."""
    bad, total = [0] * SLICES, [0] * SLICES
    for back, outcome in enumerate(reversed(outcomes)):
        at = SLICES - 1 - back * every
        bad[at], total[at] = int(outcome == "b"), 1
    return SliceRun(10**15, bad, total, bad if keyless else ())


def fires(found: SliceRun, **changes: object) -> bool:
    return down(found, DownRule(BUDGET, **changes)) is not None


def test_at_ten_attempts_an_hour_the_fifth_failure_in_a_row_fires() -> None:
    assert not fires(run("gggggggggggggggbbbb"))
    assert fires(run("gggggggggggggggbbbbb"))


def test_one_failure_in_an_hour_never_fires() -> None:
    assert not fires(run("gggggggggggggggggggb"))
    assert not fires(run("b"))


def test_a_part_that_fails_now_and_then_is_not_down() -> None:
    assert not fires(run("ggbggbggbggbggbggbgb"))


def test_what_is_good_again_no_longer_fires() -> None:
    assert not fires(run("bbbbbbbbbbggg"))


def test_a_part_that_is_often_bad_needs_more() -> None:
    found = run("gggggggggggggggbbbbb")
    assert not fires(found, least_ratio=Fraction(1, 4))
    assert fires(run("b" * 20), least_ratio=Fraction(1, 4))


def test_with_a_loose_target_a_slow_burn_is_no_outage() -> None:
    seven = run("gggg" + "b" * 7, every=120 // SLICE_S)
    assert fires(seven)
    assert down(seven, DownRule(Fraction(5, 100))) is None
    assert down(run("b" * 14), DownRule(Fraction(5, 100))) is not None


def test_without_a_key_twenty_failures_are_wanted() -> None:
    assert not fires(run("b" * 19, keyless=True))
    assert fires(run("b" * 20, keyless=True))


@given(st.text("gb", max_size=19), st.fractions(Fraction(1, 1000), Fraction(1, 4)))
def test_law_a_fire_is_at_least_half_bad_and_beyond_chance(text: str, least: Fraction) -> None:
    found = down(run(text), DownRule(BUDGET, least))
    if found is not None:
        assert found.bad >= 5
        assert 2 * found.bad >= found.total
        assert found.tail <= ALPHA
        assert found.window_s in WINDOWS_S
