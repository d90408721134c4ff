"""Random traffic through Sloth's golden, our rules for the same spec and our own objective's.

All three fire in the same minutes: the counting differs where there is no traffic and over the
whole period, never in an alert.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.slo.rules.promtool import Replay, stepwise
from tests.slo.rules.sloth_golden import ALERT, OWN_ALERT, golden, own, requests, weighted

pytestmark = pytest.mark.real


def traffic(seed: int, minutes: int) -> tuple[str, str]:
    """Good and bad counters: a wave of traffic, silent spells, outages of any depth and length."""
    chance = random.Random(seed)
    good, bad = [], []
    ratio, left = 0.0, 0
    for minute in range(minutes):
        if left == 0:
            ratio = chance.choice([0, 0.0004, 0.003, 0.01, 0.05, 0.4, 1])
            left = chance.randrange(5, 90)
        left -= 1
        level = 0 if minute % 211 < 12 else chance.randrange(1, 80) * (1 + minute % 5)
        failed = sum(chance.random() < ratio for _ in range(level))
        good.append(level - failed)
        bad.append(failed)
    return stepwise(good), stepwise(bad)


def assert_all_fire_alike(folder: Path, seed: int, minutes: int) -> None:
    good, bad = traffic(seed, minutes)
    series = requests(good, bad)
    ours = own(folder, good, bad, min_bad_events=1)
    for severity in ("page", "ticket"):
        label = {"sloth_severity": severity}
        wanted = Replay(golden(folder), series).firing_minutes(ALERT, minutes, label)
        same = Replay(weighted(folder), series).firing_minutes(ALERT, minutes, label)
        own_minutes = ours.firing_minutes(OWN_ALERT, minutes, {"severity": severity})
        assert wanted
        assert same == wanted
        assert own_minutes == wanted


@pytest.mark.parametrize("seed", [1])
def test_a_few_hours_of_random_traffic_fire_alike(tmp_path: Path, seed: int) -> None:
    assert_all_fire_alike(tmp_path, seed, 240)


@pytest.mark.faults
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_two_days_of_random_traffic_fire_alike(tmp_path: Path, seed: int) -> None:
    assert_all_fire_alike(tmp_path, seed, 2500)
