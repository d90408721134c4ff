"""How many deliveries of each source came and what became of them, since the start of the door."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric


class Outcome(StrEnum):
    """What became of one notification (or of a whole body that could not be taken apart)."""

    ACCEPTED = "accepted"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"
    FORGED = "forged"
    UNUSABLE = "unusable"


class Tally:
    """Counts by source and outcome. Sources are configured ones: their number is bounded."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Outcome]] = Counter()

    def add(self, source: str, outcome: Outcome, count: int = 1) -> None:
        """`count` more of them."""
        if count:
            with self._lock:
                self._counts[source, outcome] += count

    def of(self, source: str) -> dict[str, int]:
        """Every outcome's count for this source."""
        with self._lock:
            return {str(one): self._counts[source, one] for one in Outcome}

    def collect(self) -> Iterable[Metric]:
        """For Prometheus."""
        family = CounterMetricFamily(
            "tillwatch_webhook_notifications",
            "Notifications of webhook sources since the start, by what became of them.",
            labels=["source", "outcome"],
        )
        with self._lock:
            counts = sorted(self._counts.items())
        for (source, outcome), count in counts:
            family.add_metric([source, outcome], count)
        yield family
