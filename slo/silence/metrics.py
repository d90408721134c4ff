"""Prometheus metrics of expected volume, as the last look for silence saw it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from slo.silence.watcher import SilenceWatcher

_LABELS = ["objective", "service"]


class VolumeCollector(Collector):
    """What is not known has no sample (never a zero)."""

    def __init__(self, watcher: SilenceWatcher) -> None:
        self._watcher = watcher

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not look."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        expected = GaugeMetricFamily(
            "tillwatch_slo_expected_attempts",
            "Attempts that are usual in the newest minute, at the level of the last hours.",
            labels=_LABELS,
        )
        begun = GaugeMetricFamily(
            "tillwatch_slo_begun_attempts",
            "Attempts begun in the newest minute, where enough are usual to tell silence.",
            labels=_LABELS,
        )
        for objective, pace in self._watcher.paces:
            labels = [objective.id, objective.service]
            expected.add_metric(labels, pace.expected)
            if pace.begun is not None:
                begun.add_metric(labels, pace.begun)
        yield expected
        yield begun
