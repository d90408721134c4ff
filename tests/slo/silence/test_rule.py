"""When missing attempts are more than chance, and since when."""

from __future__ import annotations

import pytest

from kernel.clock import SECOND_US
from slo.silence.rule import LONGEST_US, SLICE_US, Arrivals, arrivals, lack, onset_us
from slo.volume.expectation import NOTHING, Basis, Expectation
from slo.volume.pattern import SLOT_US

END_US = 1_000 * SLOT_US


def usual(per_s: float, basis: Basis = Basis.WEEKS) -> Expectation:
    slots = {END_US + n * SLOT_US: per_s * 900 for n in range(-5, 6)}
    return Expectation(basis, slots, flat=per_s * 900)


def heard(*parts: tuple[int, float]) -> Arrivals:
    """(slices, attempts in each), oldest first, after a healthy start of 5 a slice."""
    counts = [n for slices, n in parts for _ in range(slices)]
    whole = LONGEST_US // SLICE_US
    return Arrivals(END_US, [*[5.0] * (whole - len(counts)), *counts])


def test_one_silent_minute_at_one_a_second_is_enough():
    found = lack(heard((12, 0)), usual(1))
    assert found is not None
    assert (found.window_s, found.seen, round(found.expected)) == (60, 0, 60)
    assert found.tail == pytest.approx((1 + 0.03 * 60) ** (-1 / 0.03))


@pytest.mark.parametrize(
    ("per_s", "window_s"), [(0.28, None), (0.29, 60), (0.15, 120), (0.03, 600)]
)
def test_the_less_is_usual_the_longer_it_takes(per_s: float, window_s: int | None):
    slices = (window_s or 60) // 5
    found = lack(heard((slices, 0)), usual(per_s))
    assert (found.window_s if found else None) == window_s


def test_below_seventeen_expected_in_ten_minutes_nothing_can_be_silent():
    assert lack(heard((120, 0)), usual(0.028)) is None
    assert lack(heard((120, 0)), usual(0.0287)) is not None


def test_half_of_what_is_usual_is_no_silence_however_certain():
    assert lack(heard((120, 260)), usual(100)) is None
    assert lack(heard((120, 150)), usual(100)) is not None


def test_what_has_come_back_in_the_newest_minute_is_over():
    assert lack(heard((100, 0), (12, 5)), usual(1)) is None


def test_a_guess_from_hours_needs_total_silence():
    guess = usual(1, Basis.HOURS)
    assert lack(heard((12, 1)), guess) is None
    assert lack(heard((12, 0)), guess) is not None
    assert lack(heard((12, 0)), NOTHING) is None


def test_the_onset_is_the_first_slice_of_the_lack():
    seen = heard((20, 0))
    found = lack(seen, usual(1))
    assert found is not None
    assert onset_us(seen, usual(1), found) == END_US - 20 * SLICE_US
    dropped = heard((40, 1))
    found = lack(dropped, usual(1))
    assert found is not None
    assert onset_us(dropped, usual(1), found) == END_US - 40 * SLICE_US


def test_sparse_slices_fill_the_longest_window_and_nothing_outside():
    rows = [(END_US - LONGEST_US - SLICE_US, 7), (END_US - SLICE_US, 3), (END_US, 9)]
    seen = arrivals(rows, END_US)
    assert (len(seen.counts), sum(seen.counts), seen.newest(5)) == (120, 3, 3)
    assert seen.newest(600) == 3
    assert seen.end_us == END_US
    assert LONGEST_US == 600 * SECOND_US
