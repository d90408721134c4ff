"""Prometheus metrics of the objectives, read from the ledger when they are scraped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kernel.clock import Clock
from slo.faults import Faults
from slo.ledger.snapshot import copy_age_s
from slo.schemas import SloOut
from slo.service import SloService

STATES = ("ok", "at_risk", "broken", "no_data")


class SloCollector(Collector):
    """State of each objective. What is not known has no sample (never a zero).

    Without new data the budget and the burn are not known: a number of the past under the time of
    the scrape would look like now.
    """

    def __init__(self, service: SloService) -> None:
        self._service = service

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not read the ledger."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        slos = self._service.list()
        yield _window_units(slos)
        left = GaugeMetricFamily(
            "tillwatch_slo_budget_left_ratio",
            "Share of the error budget left in the objective's window (signed).",
            labels=["objective", "service"],
        )
        coverage = GaugeMetricFamily(
            "tillwatch_slo_coverage_ratio",
            "Observed share of the objective's window.",
            labels=["objective", "service"],
        )
        target = GaugeMetricFamily(
            "tillwatch_slo_target_ratio", "The promise.", labels=["objective", "service"]
        )
        for slo in slos:
            labels = [slo.id, slo.service]
            target.add_metric(labels, slo.target)
            if slo.heard_until is not None:
                coverage.add_metric(labels, slo.coverage)
            if slo.budget_left is not None and slo.state != "no_data":
                left.add_metric(labels, slo.budget_left)
        yield from (left, coverage, target, _burn_rates(slos), _states(slos), _alerts(slos))
        yield _uncorrected(slos)


class FaultCollector(Collector):
    """Objectives that the engine could not judge, and how often."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def describe(self) -> Iterable[Metric]:
        """Nothing: an empty one says nothing of names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        labels = ["part", "objective"]
        now = GaugeMetricFamily(
            "tillwatch_slo_not_judged",
            "1 while a part of the engine cannot judge the objective (the log says why).",
            labels=labels,
        )
        total = CounterMetricFamily(
            "tillwatch_slo_faults",
            "Times that a part of the engine could not judge the objective.",
            labels=labels,
        )
        for place in self._faults.counts():
            now.add_metric(place, 1)
        for place, times in self._faults.totals().items():
            total.add_metric(place, times)
        yield from (now, total)


class LedgerCopyCollector(Collector):
    """How old the copy is that the journal's trimming goes by; no sample where there is none."""

    def __init__(self, ledger_path: Path, clock: Clock) -> None:
        self._path = ledger_path
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not look at the disk."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        family = GaugeMetricFamily(
            "tillwatch_ledger_copy_age_seconds",
            "Age of the ledger's copy; the journal is never trimmed beyond it (due once a day).",
        )
        age_s = copy_age_s(self._path, self._clock.now_us())
        if age_s is not None:
            family.add_metric([], age_s)
        yield family


def _window_units(slos: Sequence[SloOut]) -> Metric:
    """A gauge, not a counter: the sums of a rolling window also fall."""
    family = GaugeMetricFamily(
        "tillwatch_slo_window_units",
        "Attempts in the objective's window.",
        labels=["objective", "service", "outcome"],
    )
    for slo in slos:
        if slo.sli is None and not slo.counts.excluded:
            continue
        for outcome in ("good", "bad", "excluded"):
            value = getattr(slo.counts, outcome)
            family.add_metric([slo.id, slo.service, outcome], value)
    return family


def _uncorrected(slos: Sequence[SloOut]) -> Metric:
    """The other one of both figures; equal to the first without a correction."""
    family = GaugeMetricFamily(
        "tillwatch_slo_budget_left_uncorrected_ratio",
        "Share of the error budget left with no correction applied (signed).",
        labels=["objective", "service"],
    )
    for slo in slos:
        if slo.uncorrected is not None and slo.uncorrected.budget_left is not None:
            family.add_metric([slo.id, slo.service], slo.uncorrected.budget_left)
    return family


def _burn_rates(slos: Sequence[SloOut]) -> Metric:
    family = GaugeMetricFamily(
        "tillwatch_slo_burn_rate",
        "Burn rate per window; 1 spends the budget in exactly one objective window.",
        labels=["objective", "service", "window"],
    )
    for slo in slos:
        for window, rate in slo.burn_rates.items():
            if rate is not None and not (slo.no_data and slo.no_data.present):
                family.add_metric([slo.id, slo.service, window], rate)
    return family


def _states(slos: Sequence[SloOut]) -> Metric:
    family = GaugeMetricFamily(
        "tillwatch_slo_state",
        "1 for the state the objective is in.",
        labels=["objective", "service", "state"],
    )
    for slo in slos:
        for state in STATES:
            family.add_metric([slo.id, slo.service, state], float(slo.state == state))
    return family


def _alerts(slos: Sequence[SloOut]) -> Metric:
    family = GaugeMetricFamily(
        "tillwatch_slo_alerts_open",
        "Burn alerts open now.",
        labels=["objective", "service", "page"],
    )
    for slo in slos:
        for page in (True, False):
            count = sum(1 for alert in slo.alerts if alert.page is page)
            family.add_metric([slo.id, slo.service, str(page).lower()], count)
    return family
