"""Leaves a failing service alone for a while. Pure: `step(circuit, event, now_s, rule)`.

closed --failures in a row--> open --its time is over, one tries--> half open
half open --worked--> closed      half open --failed--> open, twice as long
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

_LONGEST = 16  # times the first pause


class CircuitState(StrEnum):
    """Where a circuit stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Event(StrEnum):
    """What can happen to a circuit."""

    TRIED = "tried"  # somebody wants to ask
    WORKED = "worked"
    FAILED = "failed"


@dataclass(frozen=True)
class Rule:
    """`failures` in a row open the circuit for `pause_s`."""

    failures: int
    pause_s: float


@dataclass(frozen=True)
class Circuit:
    """`until_s`: when an open one may be tried; `pauses`: how often it opened in a row."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    until_s: float = 0.0
    pauses: int = 0


def allows(circuit: Circuit, now_s: float) -> bool:
    """True where one may ask now. Half open, somebody is trying already."""
    return circuit.state is CircuitState.CLOSED or now_s >= circuit.until_s


def step(circuit: Circuit, event: Event, now_s: float, rule: Rule) -> Circuit:
    """The circuit after `event`. `now_s` is monotonic seconds."""
    match event:
        case Event.WORKED:
            return Circuit()
        case Event.TRIED if circuit.state is CircuitState.CLOSED:
            return circuit
        case Event.TRIED:
            # Whoever tries and never comes back does not shut the door for ever.
            until_s = now_s + _pause_s(circuit.pauses, rule)
            return Circuit(CircuitState.HALF_OPEN, circuit.failures, until_s, circuit.pauses)
    failures = circuit.failures + 1
    if circuit.state is CircuitState.CLOSED and failures < rule.failures:
        return Circuit(failures=failures)
    pauses = circuit.pauses + 1
    return Circuit(CircuitState.OPEN, failures, now_s + _pause_s(pauses, rule), pauses)


def _pause_s(pauses: int, rule: Rule) -> float:
    longer = 1 << max(0, min(pauses, 10) - 1)
    return rule.pause_s * min(_LONGEST, longer)
