"""Counters of each objective's units that only grow, whatever is revised later.

Prometheus takes a counter that falls for a restart and counts its whole value again: one late
word of a provider would look like a million failures. So what leaves an outcome is not taken from
its counter but added to a second one: *entered* less *taken back* is what the ledger holds, and
`increase` of both over any window gives the exact difference but for its own extrapolation.
See docs/adr (counters for Prometheus only grow).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from threading import Lock

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from kernel.clock import DAY_US, MINUTE_US, Clock
from slo.catalogue import Catalogue
from slo.ledger import LedgerReader, Sums

OUTCOMES = ("good", "bad", "excluded")
# Units live 7 days, so nothing older is revised; the rest is room for corrections by hand.
REACH_US = 35 * DAY_US
_REACH_LEAST_US = 34 * DAY_US
_AHEAD_US = 10 * MINUTE_US


@dataclass(frozen=True)
class Flow:
    """Units that entered each outcome, and those of them that left it again."""

    entered: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))
    taken_back: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(OUTCOMES, 0))

    def after(self, before: Sums, now: Sums) -> Flow:
        """The flow once the ledger's sums went from `before` to `now`."""
        change = {name: getattr(now, name) - getattr(before, name) for name in OUTCOMES}
        return Flow(
            {name: self.entered[name] + max(change[name], 0) for name in OUTCOMES},
            {name: self.taken_back[name] + max(-change[name], 0) for name in OUTCOMES},
        )


class UnitCounters:
    """Follows the ledger from its own start on: every counter begins at 0, as in any process."""

    def __init__(
        self, reader_factory: Callable[[], LedgerReader], catalogue: Catalogue, clock: Clock
    ) -> None:
        """Reads nothing yet; call `advance` before the first unit is counted."""
        self._reader_factory = reader_factory
        self._catalogue = catalogue
        self._clock = clock
        self._lock = Lock()
        self._from_us = 0
        self._seen: dict[str, Sums] = {}
        self._flows: dict[str, Flow] = {}

    def advance(self) -> Mapping[str, Flow]:
        """Add what the ledger has learnt since the last call; the flows by objective."""
        with self._lock:
            reader = self._reader_factory()
            try:
                with reader.at_once():
                    self._read(reader)
            finally:
                reader.close()
            return dict(self._flows)

    def _read(self, reader: LedgerReader) -> None:
        now_us = self._clock.now_us()
        begin_us = self._begin_us(now_us)
        for objective in self._catalogue.all():
            before = self._seen.get(objective.id)
            now = reader.sums(objective, self._from_us, now_us + _AHEAD_US) if before else Sums()
            flow = self._flows.get(objective.id, Flow())
            self._flows[objective.id] = flow.after(before, now) if before else flow
            if before is None or begin_us != self._from_us:
                now = reader.sums(objective, begin_us, now_us + _AHEAD_US)
            self._seen[objective.id] = now
        self._from_us = begin_us

    def _begin_us(self, now_us: int) -> int:
        """Where the compared sums begin. It moves by whole days, between two comparisons."""
        wanted_us = (now_us - REACH_US) // DAY_US * DAY_US
        if self._from_us and self._from_us <= now_us - _REACH_LEAST_US:
            near = self._from_us > wanted_us - 2 * DAY_US
            return self._from_us if near else wanted_us
        return wanted_us


class UnitCounterCollector(Collector):
    """The counters as Prometheus scrapes them."""

    def __init__(self, counters: UnitCounters, catalogue: Catalogue) -> None:
        self._counters = counters
        self._catalogue = catalogue

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the ledger."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        labels = ["objective", "service", "outcome"]
        entered = CounterMetricFamily(
            "tillwatch_slo_units",
            "Attempts that entered an outcome, counted when it was learnt. Only grows.",
            labels=labels,
        )
        taken_back = CounterMetricFamily(
            "tillwatch_slo_units_taken_back",
            "Attempts that left an outcome again because of a later word. Only grows.",
            labels=labels,
        )
        for objective_id, flow in self._counters.advance().items():
            service = self._catalogue[objective_id].service
            for outcome in OUTCOMES:
                values = [objective_id, service, outcome]
                entered.add_metric(values, flow.entered[outcome])
                taken_back.add_metric(values, flow.taken_back[outcome])
        yield from (entered, taken_back)
