"""The fast tier against the study's vectors, and laws of the binomial tail."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.binomial import lower_tail, upper_tail
from slo.fast_tier import (
    ALPHA,
    Jump,
    Rule,
    SliceRun,
    build_run,
    jump,
    onset_us,
    reference_ratio,
)
from slo.ledger.sums import FineCell

B999 = Fraction(1, 1000)

MINIMAL_BAD = {
    0.051: "5:5 10:7 20:9 50:13 100:19 300:37 1000:88 3000:214 10000:619 60000:3320",
    0.034333: "5:5 10:6 20:8 50:11 100:16 300:29 1000:66 3000:155 10000:434 60000:2276",
    0.017667: "5:4 10:5 20:6 50:9 100:12 300:20 1000:42 3000:92 10000:244 60000:1218",
    0.0144: "5:4 10:5 20:6 50:8 100:11 300:18 1000:36 3000:78 10000:205 60000:1007",
    0.05: "5:5 10:7 20:9 50:13 100:19 300:37 1000:87 3000:211 10000:608 60000:3258",
}
MINIMAL_CASES = [
    (p0, int(pair.split(":")[0]), int(pair.split(":")[1]))
    for p0, row in MINIMAL_BAD.items()
    for pair in row.split()
]
TAILS = [
    (15, 60, 14, 1.500770e-06),
    (15, 60, 15, 2.435106e-07),
    (30, 120, 17, 8.319124e-07),
    (60, 300, 22, 3.115936e-08),
    (300, 1500, 48, 5.305663e-07),
    (300, 60, 8, 2.427875e-06),
    (900, 30, 6, 3.933168e-06),
]


def smallest_significant(trials: int, probability: float, alpha: float) -> int:
    """Smallest count whose upper tail is at or below `alpha`; trials + 1 where none is."""
    low, high = 0, trials + 1
    while low < high:
        middle = (low + high) // 2
        if upper_tail(middle, trials, probability) <= alpha:
            high = middle
        else:
            low = middle + 1
    return low


@pytest.mark.parametrize(("p0", "trials", "smallest"), MINIMAL_CASES)
def test_the_smallest_significant_count_is_the_studys(
    p0: float, trials: int, smallest: int
) -> None:
    assert smallest_significant(trials, p0, ALPHA) == smallest


@pytest.mark.parametrize(("window_s", "trials", "bad", "tail"), TAILS)
def test_the_tails_at_999_are_the_studys(window_s: int, trials: int, bad: int, tail: float) -> None:
    p0 = float(reference_ratio(B999, window_s, 1.0))
    assert upper_tail(bad, trials, p0) == pytest.approx(tail, rel=1e-6)


def test_five_of_five_at_the_burn_limit() -> None:
    assert upper_tail(5, 5, 0.0144) == pytest.approx(6.1917364e-10, rel=1e-7)


@pytest.mark.parametrize(
    ("target", "row"),
    [
        ("0.999", [0.051, 0.0343333, 0.0176667, 0.0144, 0.0144, 0.0144]),
        ("0.995", [0.055, 0.05, 0.05, 0.05, 0.05, 0.05]),
        ("0.99", [0.06, 0.05, 0.05, 0.05, 0.05, 0.05]),
    ],
)
def test_the_reference_ratios_are_the_studys(target: str, row: list[float]) -> None:
    budget = 1 - Fraction(target)
    found = [float(reference_ratio(budget, w, 1.0)) for w in (15, 30, 60, 120, 300, 900)]
    assert found == pytest.approx(row, abs=1e-6)


def run(bad: list[int], total: list[int], *, keyed: bool = True) -> SliceRun:
    pad = [0] * (181 - len(bad))
    return SliceRun(10**15, pad + bad, pad + total, () if keyed else pad + bad)


def fire(found: SliceRun, budget: Fraction = B999, **knobs: object) -> Jump | None:
    return jump(found, Rule(budget, **knobs))


def test_a_total_outage_at_one_per_second_fires_within_fifteen_seconds() -> None:
    healthy = 150
    assert fire(run([0] * healthy, [5] * healthy)) is None
    found = fire(run([0] * healthy + [5, 5, 5], [5] * (healthy + 3)))
    assert found is not None
    assert (found.window_s, found.bad) == (15, 15)
    assert "15 of 15 attempts failed in 15 s" in found.text


def test_four_bad_attempts_never_fire() -> None:
    assert fire(run([4], [4])) is None


def test_fourteen_of_sixty_in_fifteen_seconds_stay_silent_and_fifteen_fire() -> None:
    # one run of three slices only: longer windows hold the same counts and a lower p0
    assert fire(run([0, 0, 14], [20, 20, 20]), Fraction(5, 1000)) is None
    assert fire(run([0, 0, 19], [20, 20, 20]), Fraction(5, 1000)) is not None


def test_one_second_of_total_outage_passes_as_a_deploy_bump() -> None:
    total = [500] * 181
    bumped = [0] * 180 + [100]  # 100/s: one whole second fails
    assert fire(run(bumped, total)) is None
    assert fire(run([0] * 180 + [200], total)) is not None


def test_a_larger_allowance_lets_a_larger_bump_pass() -> None:
    total = [500] * 181
    assert fire(run([0] * 179 + [50, 50], total)) is None
    assert fire(run([0] * 177 + [25, 25, 25, 50], total), bump_allowance_s=1.5) is None


def test_the_long_windows_fire_only_while_it_still_burns() -> None:
    ended = [0] * 100 + [1] * 20 + [0] * 61
    assert fire(run(ended, [5] * 181)) is None
    burning = [0] * 161 + [1] * 20
    assert fire(run(burning, [5] * 181)) is not None


def test_without_a_key_twenty_raw_failures_are_wanted() -> None:
    assert fire(run([6, 6, 6], [6, 6, 6], keyed=False)) is None
    assert fire(run([7, 7, 7], [7, 7, 7], keyed=False)) is not None


def test_without_a_key_the_windows_end_at_two_minutes() -> None:
    old = [5] * 20 + [0] * 30
    assert fire(run(old, [5] * 50, keyed=False)) is None


def test_with_and_without_keys_mixed_the_keyed_part_is_judged_by_the_usual_floor() -> None:
    def mixed(bad: int, keyless: int) -> SliceRun:
        pad = [0] * 180
        return SliceRun(10**15, [*pad, bad], [*pad, bad], [*pad, keyless])

    assert fire(mixed(8, 4)) is None
    assert fire(mixed(8, 3)) is not None


def test_a_segment_with_a_bad_ordinary_level_needs_more() -> None:
    counts = run([4, 4, 4], [10, 10, 10])
    assert fire(counts) is not None
    assert fire(counts, least_ratio=Fraction(1, 5)) is None


def test_the_open_slice_comes_on_top_of_the_closed_ones() -> None:
    counts = run([0, 2, 2, 1], [2, 2, 2, 1])
    found = fire(counts, open_slice=True)
    assert found is not None
    assert (found.bad, found.total) == (5, 7)


def test_the_onset_is_the_first_bad_slice_of_the_run_and_not_an_old_stray_failure() -> None:
    bad = [0] * 100 + [1] + [0] * 60 + [3, 4, 5, 5]
    total = [6] * 161 + [6] * 4
    found = run(bad, total)
    assert onset_us(found, Fraction(5, 1000)) == found.end_us - 4 * 5_000_000


def test_sparse_cells_become_a_run_and_those_outside_are_left_out() -> None:
    end_us = 1_000 * 5_000_000
    cells = [
        FineCell(end_us - 5_000_000, 3, 1),
        FineCell(end_us - 10_000_000, 2, 0),
        FineCell(end_us - 10**12, 9, 9),
    ]
    found = build_run(cells, end_us, 3)
    assert (list(found.bad), list(found.total)) == ([0, 0, 1], [0, 2, 3])


@given(st.integers(1, 60), st.data(), st.floats(0.001, 0.999))
@settings(deadline=None)
def test_law_the_tail_is_the_exact_sum(trials: int, data: st.DataObject, p: float) -> None:
    at_least = data.draw(st.integers(0, trials))
    exact_p = Fraction(p)
    exact = sum(
        comb(trials, k) * exact_p**k * (1 - exact_p) ** (trials - k)
        for k in range(at_least, trials + 1)
    )
    assert upper_tail(at_least, trials, p) == pytest.approx(float(exact), rel=1e-9, abs=1e-15)


@given(st.integers(1, 100_000), st.data(), st.floats(1e-6, 0.5))
@settings(deadline=None, max_examples=60)
def test_law_the_tail_falls_with_the_count(trials: int, data: st.DataObject, p: float) -> None:
    at_least = data.draw(st.integers(0, trials))
    here, next_one = upper_tail(at_least, trials, p), upper_tail(at_least + 1, trials, p)
    assert 0.0 <= next_one <= here * (1 + 1e-9) <= 1.0 + 1e-9
    assert here + lower_tail(at_least - 1, trials, p) == pytest.approx(1.0, abs=1e-7)


@given(
    st.lists(
        st.integers(0, 8).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
        min_size=181,
        max_size=181,
    ),
    st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_law_a_fire_always_has_five_bad_and_a_small_chance(
    cells: list[tuple[int, int]], open_slice: bool
) -> None:
    found = fire(run([b for b, _ in cells], [n for _, n in cells]), open_slice=open_slice)
    if found is not None:
        assert found.bad >= 5
        assert found.tail <= ALPHA
        assert found.bad > found.p0 * found.total
