"""What was left out to stay within bounds: values beyond their budget, items shed. All bounded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from collector.shedding import Level
from kernel.clock import SECOND_US, Clock, rfc3339
from kernel.telemetry_store.meta import LeftOut
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

_MAX_SHOWN: Final = 100
# A stretch of shedding that was not prolonged for so long is over.
_OVER_AFTER_US: Final = 30 * SECOND_US
_GIVEN_UP: Final = {
    Level.NOTHING: "nothing",
    Level.DEBUG_LOGS: "debug logs",
    Level.SPANS: "debug logs and spans",
}


class LimitsService:
    """Reads the counts. Sources and names are those of senders: at most 100 lines of each."""

    def __init__(self, store: SqliteTelemetryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def document(self) -> dict[str, Any]:
        """As the API shows it: the largest counts first."""
        level = self.level()
        return {
            "shedding": {"level": int(level), "given_up": _GIVEN_UP[level]},
            "dropped_values": [
                _line(one, "name", "values") for one in self._store.dropped_values(limit=_MAX_SHOWN)
            ],
            "shed": [_line(one, "class", "items") for one in self._store.shed_items()],
        }

    def level(self) -> Level:
        """What is being given up now."""
        newest = self._store.shedding()
        if newest is None or newest.to_us < self._clock.now_us() - _OVER_AFTER_US:
            return Level.NOTHING
        return Level(newest.level)

    def warning(self) -> str:
        """A sentence for people while something is given up; else ""."""
        level = self.level()
        if level is Level.NOTHING:
            return ""
        return (
            f"The telemetry store cannot keep up: {_GIVEN_UP[level]} are not stored now."
            " Payments and checkouts are counted all the same."
        )


class LimitsCollector(Collector):
    """The same as Prometheus counters; by source and class, never by name."""

    def __init__(self, limits: LimitsService, store: SqliteTelemetryStore) -> None:
        self._limits = limits
        self._store = store

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the store."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Counts since the telemetry store was made."""
        level = GaugeMetricFamily(
            "tillwatch_shedding_level",
            "What is given up to keep up: 0 nothing, 1 debug logs, 2 spans too.",
            value=int(self._limits.level()),
        )
        shed = CounterMetricFamily(
            "tillwatch_shed_items",
            "Telemetry items not stored because too much was waiting.",
            labels=["source", "class"],
        )
        for one in self._store.shed_items(limit=_MAX_SHOWN):
            shed.add_metric([one.source, one.name], one.amount)
        dropped = CounterMetricFamily(
            "tillwatch_dropped_values",
            "Attribute values and names beyond their budget.",
            labels=["source"],
        )
        for one in self._store.dropped_by_source(limit=_MAX_SHOWN):
            dropped.add_metric([one.source], one.amount)
        return [level, shed, dropped]


def _line(one: LeftOut, name: str, amount: str) -> dict[str, Any]:
    return {"source": one.source, name: one.name, amount: one.amount, "last": rfc3339(one.last_us)}
