"""Counts since the start of the process, for metrics: what became of each question."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from triage.model.circuit import CircuitState
from triage.model.outcome import Answered, Garbage, ModelOutcome
from triage.model.spending import Spending


class Tally:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self.circuit = CircuitState.CLOSED

    def add(self, outcome: ModelOutcome) -> None:
        """Count one explanation."""
        with self._lock:
            self._counts["outcome", _name(outcome)] += 1
            self._counts["tokens", ""] += outcome.tokens
            self._counts["cost", ""] += outcome.cost_micros
            self._counts["evidence", ""] += len(outcome.added)
            if isinstance(outcome, Answered):
                self._counts["claims", "kept"] += len(outcome.claims)
            if isinstance(outcome, Answered | Garbage):
                self._counts["claims", "dropped"] += len(outcome.dropped)

    def of(self, what: str) -> Mapping[str, int]:
        """Label -> count."""
        with self._lock:
            return {label: count for (name, label), count in self._counts.items() if name == what}


class ModelCollector(Collector):
    """Turns the tally and the day's account into metrics at the moment of the scrape."""

    def __init__(self, tally: Tally, spending: Spending) -> None:
        self._tally = tally
        self._spending = spending

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not look."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One scrape."""
        yield self._counter("outcome", "tillwatch_model_explanations", "Questions by outcome.")
        yield self._counter("claims", "tillwatch_model_claims", "Claims, kept or dropped.")
        yield self._counter("tokens", "tillwatch_model_tokens", "Tokens spent.", labelled=False)
        yield self._counter(
            "cost", "tillwatch_model_cost_micros", "Cost in millionths.", labelled=False
        )
        yield self._counter(
            "evidence", "tillwatch_model_evidence", "Pieces gathered on request.", labelled=False
        )
        text = "1 while the service is left alone after failures, 0.5 while one tries, else 0."
        states = {CircuitState.CLOSED: 0.0, CircuitState.HALF_OPEN: 0.5, CircuitState.OPEN: 1.0}
        yield GaugeMetricFamily(
            "tillwatch_model_circuit_open", text, value=states[self._tally.circuit]
        )
        spent = self._spending.today()
        yield GaugeMetricFamily(
            "tillwatch_model_day_tokens", "Tokens booked today (UTC).", value=spent.tokens
        )

    def _counter(self, what: str, name: str, text: str, *, labelled: bool = True) -> Metric:
        family = CounterMetricFamily(name, text, labels=["result"] if labelled else [])
        for label, count in sorted(self._tally.of(what).items()):
            family.add_metric([label] if labelled else [], count)
        return family


def _name(outcome: ModelOutcome) -> str:
    """`TimedOut` -> `timed_out`."""
    name = type(outcome).__name__
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name).lstrip("_")
