"""The simulated shop behaves like one, and the same seed gives the same shop."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.demo.history import DAYS, MAX_EVENTS, OLD_INCIDENTS, history
from app.demo.world import PROVIDERS, REGIONS, Fault, World, payment_event, rate_share
from kernel.clock import DAY_US, HOUR_US, MINUTE_US, parse_rfc3339

NOW_US = 1_795_347_000_000_000


def _world(seed: int = 1) -> World:
    return World(random.Random(seed))


def test_the_same_seed_tells_the_same_history() -> None:
    first, again = (list(islice(history(_world(7), NOW_US, NOW_US), 500)) for _ in range(2))
    assert first == again


@pytest.mark.timeout(60)
def test_28_days_of_history_are_bounded_in_order_and_never_silent_for_long() -> None:
    times = [parse_rfc3339(one["time"]) for one in history(_world(), NOW_US, NOW_US)]
    assert 100_000 < len(times) <= MAX_EVENTS
    assert times[0] >= NOW_US - DAYS * DAY_US
    assert times[-1] < NOW_US
    hours = [at // HOUR_US for at in times]
    assert hours == sorted(hours)
    gaps = [later - at for at, later in zip(sorted(times), sorted(times)[1:], strict=False)]
    assert max(gaps) <= 4 * MINUTE_US


def test_an_old_incident_shows_in_its_hours() -> None:
    old = OLD_INCIDENTS[0]
    start_us = NOW_US - round(old.days_ago * DAY_US)
    end_us = start_us + old.length_us
    bad: Counter[bool] = Counter()
    for one in history(_world(), NOW_US, end_us):
        data = one["data"]
        hit = (data.get("provider"), data.get("region")) == (old.fault.provider, old.fault.region)
        if one["type"].startswith("payment.") and hit:
            inside = start_us <= parse_rfc3339(one["time"]) < end_us
            bad[inside] += data.get("decline_class") == "technical"
    assert bad[True] > 5 * max(1, bad[False])


def test_nights_are_quieter_than_evenings() -> None:
    midnight_us = NOW_US - NOW_US % DAY_US
    assert rate_share(midnight_us + 4 * HOUR_US) < rate_share(midnight_us + 20 * HOUR_US) / 5


@settings(max_examples=30)
@given(st.sampled_from(sorted(REGIONS)), st.sampled_from(PROVIDERS), st.integers(0, 1000))
def test_a_routing_flag_sends_every_payment_of_its_region_to_that_provider(
    region: str, provider: str, seed: int
) -> None:
    world = _world(seed)
    world.routing[region] = provider
    customers = [world.customer() for _ in range(200)]
    attempts = [world.attempt(one) for one in customers if one.region == region]
    assert attempts
    assert {attempt.provider for attempt in attempts} == {provider}


def test_a_total_fault_fails_its_provider_in_its_region_and_nothing_else() -> None:
    world = _world()
    world.faults.append(Fault("adyen", "eu-central", 1.0))
    attempts = [world.attempt(world.customer()) for _ in range(3_000)]
    hit = [
        one for one in attempts if (one.provider, one.customer.region) == ("adyen", "eu-central")
    ]
    others = [one for one in attempts if one not in hit]
    assert all(one.decline_class == "technical" for one in hit)
    assert sum(one.decline_class == "technical" for one in others) < len(others) / 100


def test_an_ordinary_decline_names_its_class_and_no_success_does() -> None:
    world = _world()
    for _ in range(500):
        attempt = world.attempt(world.customer())
        data = payment_event(attempt, NOW_US)["data"]
        assert ("decline_class" in data) is not attempt.succeeded


def test_counts_are_poisson_like_with_the_mean_asked_for() -> None:
    world = _world()
    draws = [world.count(6.0) for _ in range(4_000)]
    assert abs(sum(draws) / len(draws) - 6.0) < 0.2
    assert replace(world).count(0.0) == 0
