"""A failing service is left alone, then tried once, and left alone longer if it fails again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from triage.model.circuit import Circuit, CircuitState, Event, Rule, allows, step

RULE = Rule(failures=3, pause_s=60)


def after(*events: tuple[Event, float]) -> Circuit:
    circuit = Circuit()
    for event, at_s in events:
        circuit = step(circuit, event, at_s, RULE)
    return circuit


def test_failures_in_a_row_open_it_and_an_answer_closes_it():
    assert after((Event.FAILED, 0), (Event.FAILED, 1)).state is CircuitState.CLOSED
    assert after((Event.FAILED, 0), (Event.WORKED, 1), (Event.FAILED, 2)).failures == 1
    opened = after(*((Event.FAILED, n) for n in range(3)))
    assert opened.state is CircuitState.OPEN
    assert not allows(opened, 61.9)
    assert allows(opened, 62)


def test_half_open_only_one_may_try():
    opened = after(*((Event.FAILED, 0) for _ in range(3)))
    trying = step(opened, Event.TRIED, 60, RULE)
    assert trying.state is CircuitState.HALF_OPEN
    assert not allows(trying, 61)
    assert step(trying, Event.WORKED, 62, RULE) == Circuit()


def test_each_failed_try_doubles_the_pause_up_to_a_bound():
    circuit, now_s, pauses = after(*((Event.FAILED, 0) for _ in range(3))), 0.0, []
    for _ in range(8):
        pauses.append(circuit.until_s - now_s)
        now_s = circuit.until_s
        circuit = step(step(circuit, Event.TRIED, now_s, RULE), Event.FAILED, now_s, RULE)
    assert pauses == [60, 120, 240, 480, 960, 960, 960, 960]


def test_whoever_tries_and_never_comes_back_does_not_shut_the_door_for_ever():
    opened = after(*((Event.FAILED, 0) for _ in range(3)))
    trying = step(opened, Event.TRIED, 60, RULE)
    assert allows(trying, 120)


@given(st.lists(st.tuples(st.sampled_from(Event), st.floats(0, 500)), max_size=40))
def test_whatever_happens_it_lets_somebody_try_in_the_end(steps):
    circuit, now_s = Circuit(), 0.0
    for event, wait_s in steps:
        now_s += wait_s
        if event is Event.TRIED and not allows(circuit, now_s):
            continue
        circuit = step(circuit, event, now_s, RULE)
    assert allows(circuit, now_s + 16 * RULE.pause_s)
