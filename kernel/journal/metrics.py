"""Prometheus metrics of the journal that this process writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kernel.journal.tally import VERDICTS
from kernel.journal.writer import JournalWriter


class JournalCollector(Collector):
    """Items by source, class and verdict; what waits, how full it is, and who is refused."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are known when they are collected."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        pressure = self._journal.gate.pressure
        for name, text, value in (
            (
                "tillwatch_journal_waiting_appends",
                "Appends that wait for their commit.",
                pressure.appends,
            ),
            ("tillwatch_journal_waiting_bytes", "What they hold in memory.", pressure.bytes),
            ("tillwatch_journal_quota_used_ratio", "Rows by quota.", pressure.quota_share),
            (
                "tillwatch_journal_healthy",
                "1 while the last commit reached the disk.",
                self._journal.healthy,
            ),
        ):
            yield GaugeMetricFamily(name, text, value=float(value))
        yield self._refused()
        yield self._items()

    def _refused(self) -> Metric:
        family = CounterMetricFamily(
            "tillwatch_collector_refused_requests",
            "Requests that were refused by class because there was too little room.",
            labels=["class", "reason"],
        )
        for (item_class, reason), number in self._journal.refusals.totals().items():
            family.add_metric([item_class, reason], number)
        return family

    def _items(self) -> Metric:
        family = CounterMetricFamily(
            "tillwatch_collector_items",
            "Items that were sent, by what became of them; sources beyond 200 are __other__.",
            labels=["source", "class", "verdict"],
        )
        for source, item_class, counts in self._journal.tallies.totals():
            for verdict, number in zip(VERDICTS, counts.by_verdict(), strict=True):
                family.add_metric([source, item_class, verdict], number)
        return family
