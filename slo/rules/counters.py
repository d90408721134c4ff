"""Counters of each objective's units that only grow, whatever is revised later.

Prometheus takes a counter that falls for a restart and counts its whole value again: one late
word of a provider would look like a million failures. So what leaves an outcome is not taken from
its counter but added to a second one: *entered* less *taken back* is what the ledger has added,
and `increase` of both over any window gives the exact difference but for its own extrapolation.
See docs/adr/0025-counters-for-prometheus-only-grow.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from slo.catalogue import Catalogue
from slo.ledger import LedgerReader
from slo.ledger.cells import Change
from slo.ledger.writer import Told

OUTCOMES = ("good", "bad", "excluded")
_NOTHING = (0, 0, 0)


@dataclass(frozen=True)
class Flow:
    """Units that entered each outcome, and those of them that left it again."""

    entered: Mapping[str, int]
    taken_back: Mapping[str, int]


class UnitCounters:
    """Hears of every transaction of the ledger's writer. Every counter begins at 0 with it.

    What a rebuild replays is not told: history is no news. One thread tells, any may ask.
    """

    def __init__(self, reader_factory: Callable[[], LedgerReader], catalogue: Catalogue) -> None:
        """`reader_factory` makes a reader that says which number the ledger gave an objective."""
        self._reader_factory = reader_factory
        self._catalogue = catalogue
        self._lock = Lock()
        self._entered: dict[int, list[int]] = {}
        self._taken_back: dict[int, list[int]] = {}
        self._numbers: dict[str, int] = {}

    def put(self, told: Told) -> None:
        """The writer calls this once a transaction is committed."""
        with self._lock:
            _add(told.changes, self._entered, self._taken_back)

    def flows(self) -> dict[str, Flow]:
        """The flows by objective, also of those of which nothing was told yet."""
        self._look_up()
        with self._lock:
            return {
                one: Flow(
                    _named(self._entered.get(self._numbers.get(one, -1), _NOTHING)),
                    _named(self._taken_back.get(self._numbers.get(one, -1), _NOTHING)),
                )
                for one in self._catalogue
            }

    def _look_up(self) -> None:
        """The ledger numbers an objective when it first counts it, which may be later."""
        unknown = [one for one in self._catalogue.all() if one.id not in self._numbers]
        if not unknown:
            return
        reader = self._reader_factory()
        try:
            for one in unknown:
                number = reader.number(one)
                if number >= 0:
                    self._numbers[one.id] = number
        finally:
            reader.close()


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
        for objective_id, flow in self._counters.flows().items():
            service = self._catalogue[objective_id].service
            for outcome in OUTCOMES:
                values = [objective_id, service, outcome]
                entered.add_metric(values, flow.entered[outcome])
                taken_back.add_metric(values, flow.taken_back[outcome])
        yield from (entered, taken_back)


def _add(
    changes: Sequence[Change], entered: dict[int, list[int]], taken_back: dict[int, list[int]]
) -> None:
    """Add what one transaction changed: each cell's rise to one side, its fall to the other."""
    for number, _, _, _, *delta in changes:
        risen = entered.get(number)
        if risen is None:
            risen = entered[number] = list(_NOTHING)
        for index in range(len(_NOTHING)):
            change = delta[index]
            if change > 0:
                risen[index] += change
            elif change < 0:
                taken_back.setdefault(number, list(_NOTHING))[index] -= change


def _named(counts: Iterable[int]) -> dict[str, int]:
    return dict(zip(OUTCOMES, counts, strict=True))
