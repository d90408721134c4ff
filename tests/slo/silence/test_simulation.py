"""Months of a shop's volume with noise, campaigns, holidays and nights: false pages and speed.

`python -m tests.slo.silence.test_simulation SEED` prints the figures of docs/silence.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from slo.negative_binomial import lower_tail
from slo.volume.losses import volume
from tests.slo.silence.shop_volume import HISTORY_DAYS, PER_DAY, Shop, pages, volumes

HOLIDAYS = (45, 52, 60, 71, 72, 73, 85)
WATCHED_DAYS = 60


def with_holidays(days: int) -> list[float]:
    """Seven days at 30 % and one at 180 %."""
    factors = [1.0] * days
    for day in HOLIDAYS:
        factors[day] = 0.3
    factors[64] = 1.8
    return factors


def seconds_to_tell(
    shop: Shop, keep: float, hours: tuple[float, float], faults: int, seed: int
) -> list[float]:
    """From the fault to the page; infinite where half an hour was not enough."""
    rng = np.random.default_rng(seed)
    days = len(shop.counts) // PER_DAY - HISTORY_DAYS
    found = []
    for _ in range(faults):
        day = HISTORY_DAYS + int(rng.integers(days))
        start = day * PER_DAY + int(rng.uniform(*hours) * 720)
        fires = shop.fires(
            start + 1,
            min(start + 361, len(shop.counts)),
            lambda index, start=start: keep if index >= start else 1.0,
        )
        found.append((fires[0][0] - start) * 5.0 if fires else float("inf"))
    return found


@pytest.mark.parametrize(("peak_per_s", "limit_s"), [(1, 65), (10, 50), (100, 50)])
def test_by_day_a_silent_shop_is_told_within_about_a_minute(peak_per_s: float, limit_s: float):
    shop = Shop(volumes(peak_per_s, HISTORY_DAYS + 2, seed=3))
    took = seconds_to_tell(shop, 0.0, (8, 22.5), faults=30, seed=11)
    assert np.median(took) <= limit_s
    assert max(took) <= 180


def test_by_night_a_silent_shop_is_told_as_soon_as_it_can_be_known():
    shop = Shop(volumes(1, HISTORY_DAYS + 2, seed=4))
    took = seconds_to_tell(shop, 0.0, (1, 6), faults=20, seed=12)
    assert max(took) <= 600
    assert lower_tail(0, 17.2, 0.03) < 1e-6


@pytest.mark.parametrize("peak_per_s", [1, 100])
def test_two_ordinary_days_raise_nothing(peak_per_s: float):
    shop = Shop(volumes(peak_per_s, HISTORY_DAYS + 2, seed=5))
    assert shop.fires(HISTORY_DAYS * PER_DAY, (HISTORY_DAYS + 2) * PER_DAY) == []


def test_the_first_three_days_of_a_young_shop_raise_nothing():
    shop = Shop(volumes(10, 3, seed=6))
    assert shop.fires(120, 3 * PER_DAY) == []


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("peak_per_s", [1 / 60, 1, 10, 100])
@pytest.mark.parametrize("seed", [101, 202])
def test_two_months_with_holidays_at_thirty_percent_raise_nothing(peak_per_s: float, seed: int):
    days = HISTORY_DAYS + WATCHED_DAYS
    shop = Shop(volumes(peak_per_s, days, seed=seed, day_factors=with_holidays(days)))
    assert pages(shop.fires(HISTORY_DAYS * PER_DAY, days * PER_DAY)) == 0
    assert pages(shop.fires(120, 16 * PER_DAY)) == 0


def coverage(shop: Shop, cases: int, seed: int, minutes: Sequence[int] = (5, 30, 120)) -> float:
    """How often what really came lies within the 80 % interval of what was expected."""
    rng = np.random.default_rng(seed)
    days = len(shop.counts) // PER_DAY - HISTORY_DAYS - 1
    hits, asked = 0, 0
    for _ in range(cases):
        start = HISTORY_DAYS * PER_DAY + int(rng.integers(days * PER_DAY))
        for length in minutes:
            end = start + length * 12
            usual = shop.expectation(start, until=end)
            begin_us, end_us = (shop.begin_us + one * 5_000_000 for one in (start, end))
            told = volume(usual, 0, begin_us, end_us)
            came = int(shop.counts[start:end].sum())
            asked += 1
            hits += told.expected.low <= came <= told.expected.high
    return hits / asked


def test_what_would_have_come_lies_in_the_interval_in_about_80_of_100_cases():
    shop = Shop(volumes(10, HISTORY_DAYS + 15, seed=7))
    assert 0.72 <= coverage(shop, cases=60, seed=13) <= 0.95


def report(seed: int) -> None:
    days = HISTORY_DAYS + WATCHED_DAYS
    for peak in (0.1, 1, 10, 100):
        shop = Shop(volumes(peak, days, seed=seed, day_factors=with_holidays(days)))
        fired = pages(shop.fires(HISTORY_DAYS * PER_DAY, days * PER_DAY))
        line = f"{peak}/s: {fired} false pages in {WATCHED_DAYS} d"
        for name, keep, hours in (
            ("to zero by day", 0.0, (8, 22.5)),
            ("to 30 % by day", 0.3, (8, 22.5)),
            ("to zero by night", 0.0, (1, 6)),
        ):
            took = seconds_to_tell(shop, keep, hours, faults=60, seed=seed)
            middle, late = np.quantile(took, [0.5, 0.95], method="nearest")
            line += f"; {name} {middle:.0f}/{late:.0f} s"
        print(f"{line}; interval holds in {coverage(shop, 60, seed):.0%}", flush=True)


if __name__ == "__main__":
    report(int(sys.argv[1]))
