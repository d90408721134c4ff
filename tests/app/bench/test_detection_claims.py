"""What is claimed of detection, on fresh seeds; months of it are behind `make test-faults`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.bench.detect.claims import (
    CLAIMS,
    Claim,
    bump_pages,
    false_pages,
    noisy_pages,
    seconds_to_page,
    slow_burn_pages,
)
from app.bench.detect.screening import _may_be_small
from slo.binomial import upper_tail

PER_MINUTE = 1 / 60
TARGETS = ("0.999", "0.995", "0.99", "0.95")


def reasons(pages: list) -> list[str]:
    return [f"{one.tier} {dict(one.segment)} {one.reason}" for one in pages]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_an_incident_is_paged_in_the_claimed_time(claim: Claim) -> None:
    times = [seconds_to_page(claim, seed) for seed in range(12 if claim.per_s < 10 else 3)]
    assert max(times) < claim.within_s


@pytest.mark.parametrize("burn", [0.5, 1.0])
@pytest.mark.parametrize(("per_s", "days"), [(PER_MINUTE, 5), (1, 2), (100, 0.25)])
def test_a_shop_in_which_nothing_is_wrong_pages_nobody(
    per_s: float, days: float, burn: float
) -> None:
    assert reasons(false_pages(per_s, burn, days, seed=1)) == []


@pytest.mark.parametrize("per_s", [PER_MINUTE, 1])
def test_six_hours_at_burn_three_never_take_the_fast_tier(per_s: float) -> None:
    assert [one for one in slow_burn_pages(per_s, seed=3) if one.tier in {"fast", "down"}] == []


@pytest.mark.parametrize("per_s", [1, 100])
def test_a_deploy_that_fails_three_percent_for_twenty_seconds_pages_nobody(per_s: float) -> None:
    assert reasons(bump_pages(per_s, 0.03, 20, seed=5)) == []


@given(st.integers(5, 400), st.data(), st.sampled_from([0.005, 0.0176, 0.05, 0.2]))
@settings(deadline=None, max_examples=200)
def test_law_what_is_screened_out_has_a_tail_above_alpha(
    total: int, data: st.DataObject, ratio: float
) -> None:
    bad = data.draw(st.integers(max(5, int(ratio * total) + 1), max(5, total)))
    [kept] = _may_be_small(np.array([min(bad, total)]), np.array([total]), ratio, 1e-8)
    if not kept:
        assert upper_tail(min(bad, total), total, ratio) > 1e-8


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_an_incident_is_paged_in_the_claimed_time_with_500_seeds(claim: Claim) -> None:
    times = [seconds_to_page(claim, seed) for seed in range(1000, 1500)]
    assert max(times) < claim.within_s


@pytest.mark.faults
@pytest.mark.timeout(6000)
@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("burn", [0.5, 1.0])
@pytest.mark.parametrize("per_s", [PER_MINUTE, 1, 100])
def test_thirty_days_in_which_nothing_is_wrong_page_nobody(
    per_s: float, burn: float, seed: int
) -> None:
    assert reasons(false_pages(per_s, burn, 30, 100 + seed)) == []


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("per_s", [PER_MINUTE, 1, 100])
def test_ten_days_at_burn_one_page_nobody_whatever_the_target(per_s: float, target: str) -> None:
    assert reasons(false_pages(per_s, 1.0, 10, 7, target)) == []


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("per_s", [PER_MINUTE, 1, 10, 100])
def test_ten_days_of_waves_bumps_and_storms_page_nobody(per_s: float, target: str) -> None:
    assert reasons(noisy_pages(per_s, 10, 9, target)) == []


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("per_s", [PER_MINUTE, 1, 100])
def test_burn_three_never_takes_the_fast_tier_with_many_seeds(per_s: float, target: str) -> None:
    for seed in range(200 if per_s < 10 else 10):
        pages = slow_burn_pages(per_s, seed, target)
        assert [one for one in pages if one.tier in {"fast", "down"}] == []


@pytest.mark.faults
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("per_s", [1, 10, 100])
@pytest.mark.parametrize(("share", "lasts_s"), [(0.01, 20), (0.02, 20), (0.03, 10), (0.03, 20)])
def test_deploy_bumps_page_nobody_with_many_seeds(
    per_s: float, share: float, lasts_s: float
) -> None:
    for seed in range(300 if per_s < 100 else 60):
        assert reasons(bump_pages(per_s, share, lasts_s, seed)) == []
