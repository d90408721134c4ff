"""The ageing window: the simulated hour is the first that fulfils the written inequality."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.forecast.paths import NEVER, hours_to_empty

HOURS = st.tuples(st.integers(0, 20), st.integers(20, 200))


def by_the_inequality(
    past: list[tuple[int, int]], future: list[tuple[int, int]], budget: float
) -> float:
    """Smallest whole h with bad(now - W + h, now + h) >= B total(now - W + h, now + h)."""
    window = len(past)
    for h in range(len(future) + 1):
        held = (past + future)[h : h + window]
        if sum(bad for bad, _ in held) >= budget * sum(total for _, total in held):
            return h
    return NEVER


@given(st.lists(HOURS, min_size=1, max_size=30), st.lists(HOURS, min_size=1, max_size=60))
def test_the_first_hour_is_that_of_the_inequality(
    past: list[tuple[int, int]], future: list[tuple[int, int]]
) -> None:
    budget = 1 / 16
    margin = budget * sum(total for _, total in past) - sum(bad for bad, _ in past)
    gains = [[budget * total - bad for bad, total in hours] for hours in (future, past)]
    found = hours_to_empty(margin, *gains)
    expected = by_the_inequality(past, future, budget)
    assert expected == NEVER == found or math.ceil(found) == expected


@given(st.lists(HOURS, min_size=24, max_size=24))
def test_old_failures_that_leave_never_shorten_the_time(past: list[tuple[int, int]]) -> None:
    budget, coming = 0.05, [-3.0] * 24
    good = [budget * total for _, total in past]
    gains = [budget * total - bad for bad, total in past]
    assert hours_to_empty(50.0, coming, gains) >= hours_to_empty(50.0, coming, good)


def test_a_spent_budget_lasts_no_time() -> None:
    assert hours_to_empty(0.0, [1.0], [0.0]) == 0.0


def test_inside_of_an_hour_the_line_is_straight() -> None:
    assert hours_to_empty(1.0, [-4.0], [0.0]) == pytest.approx(0.25)


def test_old_failures_leaving_can_keep_a_budget_alive_for_ever() -> None:
    # At a burn of 2, with the past burning 2 as well: as much leaves as comes.
    assert hours_to_empty(1.0, [-1.0] * 100, [-1.0] * 100) == NEVER
    assert hours_to_empty(1.0, [-1.0] * 100, [1.0] * 100) == pytest.approx(0.5)
