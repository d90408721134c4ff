"""When a series left its usual range."""

from __future__ import annotations

import math
import random

from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import MINUTE_US
from triage.evidence.causes.scene import Series
from triage.evidence.causes.shifts import shift_of

NOON = 1_780_000_000_000_000


def series(values: list[float]) -> Series:
    return Series("till", "waiting", [(NOON + n * MINUTE_US, v) for n, v in enumerate(values)])


def noisy(level: float, count: int, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [level * (1 + rng.uniform(-0.05, 0.05)) for _ in range(count)]


def minute_of(values: list[float], until: int = 1_000) -> int | None:
    shift = shift_of(series(values), NOON + until * MINUTE_US)
    return None if shift is None else (shift.at_us - NOON) // MINUTE_US


def test_a_step_is_dated_to_its_minute() -> None:
    assert minute_of(noisy(20, 60) + noisy(90, 30)) == 60


def test_a_fall_is_a_departure_too() -> None:
    shift = shift_of(series(noisy(50, 60) + noisy(10, 30)), NOON + 1_000 * MINUTE_US)

    assert shift is not None
    assert 0.15 < shift.ratio < 0.25


def test_a_slow_rise_is_dated_to_its_beginning_not_to_where_it_is_loud() -> None:
    found = minute_of(noisy(40, 60) + [40 + 2.0 * n for n in range(1, 120)])

    assert found is not None
    assert 60 <= found <= 68


def test_noise_alone_is_no_departure() -> None:
    assert all(minute_of(noisy(100, 120, seed)) is None for seed in range(50))


def test_one_wild_point_is_no_departure() -> None:
    values = noisy(10, 90)
    values[60] = 4_000.0

    assert minute_of(values) is None


def test_from_nothing_to_something_counts_whole() -> None:
    shift = shift_of(series([0.0] * 60 + [3.0] * 20), NOON + 1_000 * MINUTE_US)

    assert shift is not None
    assert shift.ratio == math.inf
    assert shift.weight == 1.0


def test_what_comes_after_the_time_asked_about_is_not_looked_at() -> None:
    assert minute_of(noisy(20, 60) + noisy(90, 30), until=59) is None


def test_too_few_points_tell_nothing() -> None:
    assert minute_of([1.0, 9.0, 9.0, 9.0]) is None


@given(
    st.lists(st.floats(0, 1e6), min_size=8, max_size=80),
    st.floats(0.01, 1000),
)
def test_the_unit_of_a_series_does_not_matter(values: list[float], scale: float) -> None:
    """Times are the same in seconds and in milliseconds (away from the limit of rounding)."""
    rounded = [round(value) + 1.0 for value in values]
    one = minute_of(rounded)

    assert minute_of([value * 2.0 ** round(math.log2(scale)) for value in rounded]) == one


def test_a_fall_to_next_to_nothing_is_a_fall() -> None:
    """Gauges of the JVM start at its smallest number."""
    shift = shift_of(series([5.0] * 60 + [5e-324] * 20), NOON + 1_000 * MINUTE_US)

    assert shift is not None
    assert shift.weight == 1.0
