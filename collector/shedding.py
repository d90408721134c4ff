"""What is given up when the telemetry store cannot keep up: debug logs first, then spans. Pure.

Business events are never given up. A backlog alone is no reason (a store that is filled anew, or an
engine that was away, catches up by itself): it must be beyond a bound, and not have become smaller
for a while. Levels go up and down one by one, down only after a calm time, so that they do not
flutter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, Final

from collector.otlp.signals import LOGS, TRACES
from kernel.clock import SECOND_US
from kernel.telemetry_store.port import LogRow

DEBUG_LOG: Final = "debug_log"
SPAN: Final = "span"
# OTLP severity numbers of TRACE and DEBUG; 0 says nothing and is kept.
_DEBUG: Final = range(1, 9)
# So long a backlog may go without becoming smaller, and so long calm must last.
PATIENCE_US: Final = 10 * SECOND_US


class Level(IntEnum):
    """What is given up."""

    NOTHING = 0
    DEBUG_LOGS = 1
    SPANS = 2  # and debug logs


@dataclass(frozen=True)
class Lag:
    """What waits for the projector: records, their bytes, and the age of the oldest."""

    records: int = 0
    bytes: int = 0
    seconds: float = 0.0

    def reaches(self, bound: Lag) -> bool:
        """True where any of the three does."""
        return (
            self.records >= bound.records
            or self.bytes >= bound.bytes
            or self.seconds >= bound.seconds
        )


BOUNDS: Final = {
    Level.DEBUG_LOGS: Lag(20_000, 256 * 1024**2, 10.0),
    Level.SPANS: Lag(60_000, 1024**3, 30.0),
}
CALM: Final = Lag(500, 8 * 1024**2, 2.0)
# Looking further than this tells nothing new.
MAX_LOOKED_AT: Final = BOUNDS[Level.SPANS].records


@dataclass(frozen=True)
class State:
    """`least_s`: the smallest age of the backlog since the last change, first seen `least_at_us`.

    `calm_since_us`: since when almost nothing waits; None while something does.
    """

    level: Level = Level.NOTHING
    least_s: float = math.inf
    least_at_us: int = 0
    calm_since_us: int | None = None


def step(state: State, lag: Lag, now_us: int) -> State:
    """The state after a look at the backlog."""
    if not lag.reaches(CALM):
        return _calm(state, now_us)
    if lag.seconds < state.least_s:
        return replace(state, least_s=lag.seconds, least_at_us=now_us, calm_since_us=None)
    state = replace(state, calm_since_us=None)
    if state.level is Level.SPANS or now_us - state.least_at_us < PATIENCE_US:
        return state
    above = Level(state.level + 1)
    if not lag.reaches(BOUNDS[above]):
        return state
    return State(above, lag.seconds, now_us)


def _calm(state: State, now_us: int) -> State:
    since_us = now_us if state.calm_since_us is None else state.calm_since_us
    level = state.level
    if level and now_us - since_us >= PATIENCE_US:
        level, since_us = Level(level - 1), now_us
    return State(level, 0.0, now_us, since_us)


def sheds_whole(format_: str, level: Level) -> bool:
    """True where nothing of such a record is kept at this level."""
    return level >= Level.SPANS and format_ == TRACES.format


def kept_logs(rows: Sequence[LogRow], level: Level) -> list[LogRow]:
    """Log records that are kept at this level."""
    if level < Level.DEBUG_LOGS:
        return list(rows)
    return [row for row in rows if row.severity not in _DEBUG]


def shed_of(message: Any, format_: str, level: Level) -> dict[str, int]:
    """How many items of an export are given up at this level, by class."""
    if sheds_whole(format_, level):
        spans = (scope.spans for group in message.resource_spans for scope in group.scope_spans)
        count, name = sum(map(len, spans)), SPAN
    elif level >= Level.DEBUG_LOGS and format_ == LOGS.format:
        records = (
            record
            for group in message.resource_logs
            for scope in group.scope_logs
            for record in scope.log_records
        )
        count, name = sum(record.severity_number in _DEBUG for record in records), DEBUG_LOG
    else:
        return {}
    return {name: count} if count else {}
