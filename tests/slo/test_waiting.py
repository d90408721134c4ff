"""Who waits for the exact look: the most urgent first, and nobody for ever."""

from __future__ import annotations

import random

import pytest

from kernel.clock import SECOND_US
from slo.waiting import PATIENCE_US, Urgency, Waiting

NOW = 1_000 * SECOND_US


def _names(waiting: Waiting) -> list[str]:
    found = []
    while (wait := waiting.take()) is not None:
        found.append(wait.name)
    return found


def test_a_suspicion_of_a_page_comes_before_what_can_wait():
    waiting = Waiting()
    for urgency in reversed(Urgency):
        waiting.add(urgency.name, NOW, urgency, tickets=False)
    assert _names(waiting) == ["PAGE", "OPEN", "UNKNOWN", "SLOW"]


def test_among_equals_whoever_came_first_is_first():
    waiting = Waiting()
    for name in "bca":
        waiting.add(name, NOW, Urgency.PAGE, tickets=False)
    assert _names(waiting) == ["b", "c", "a"]


def test_whoever_has_waited_out_his_patience_comes_before_new_suspicions():
    waiting = Waiting()
    waiting.add("ticket", NOW, Urgency.SLOW, tickets=True)
    later_us = NOW + PATIENCE_US[Urgency.SLOW] + 1
    waiting.add("page", later_us, Urgency.PAGE, tickets=False)
    assert _names(waiting) == ["ticket", "page"]


def test_one_that_waits_already_keeps_its_time_and_may_become_more_urgent():
    waiting = Waiting()
    waiting.add("one", NOW, Urgency.SLOW, tickets=True)
    waiting.add("two", NOW, Urgency.OPEN, tickets=False)
    waiting.add("one", NOW + SECOND_US, Urgency.PAGE, tickets=False)
    assert (len(waiting), waiting.oldest_us) == (2, NOW)
    first = waiting.take()
    assert first is not None
    assert (first.name, first.since_us, first.tickets) == ("one", NOW, True)
    assert _names(waiting) == ["two"]
    assert (len(waiting), waiting.oldest_us) == (0, None)


def test_a_later_and_less_urgent_reason_does_not_send_anybody_back():
    waiting = Waiting()
    waiting.add("one", NOW, Urgency.PAGE, tickets=False)
    waiting.add("two", NOW + 1, Urgency.PAGE, tickets=False)
    waiting.add("one", NOW + SECOND_US, Urgency.SLOW, tickets=True)
    assert _names(waiting) == ["one", "two"]


@pytest.mark.parametrize("seed", range(5))
def test_nobody_is_overtaken_by_anyone_whose_deadline_was_later(seed):
    """With endless new suspicions each wait ends after all that were due before it, and no more."""
    rng, waiting, now_us = random.Random(seed), Waiting(), NOW
    due: dict[str, int] = {}
    for number in range(2_000):
        now_us += rng.randrange(SECOND_US)
        name = f"o{rng.randrange(60)}"
        urgency = rng.choice(list(Urgency))
        waiting.add(name, now_us, urgency, tickets=False)
        due[name] = min(due.get(name, 1 << 62), now_us + PATIENCE_US[urgency])
        if number % 3:
            taken = waiting.take()
            assert taken is not None
            assert taken.deadline_us == due.pop(taken.name)
            assert all(taken.deadline_us <= other_us for other_us in due.values())
        assert len(waiting) == len(due)
