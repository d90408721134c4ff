"""What Prometheus is told of approvals: whether all is switched off, and what waits."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from kernel.database import Database
from runbooks import repository
from runbooks.approval import UNDER_WAY


class ApprovalCollector(Collector):
    """Read from the database when it is scraped."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[Metric]:
        """Two gauges; every state that is under way is there, also with zero."""
        with self._database.reading() as session:
            switch = repository.switch(session, lock=False)
            counts = repository.counts(session, UNDER_WAY)
        yield GaugeMetricFamily(
            "tillwatch_execution_stopped",
            "1 while a person has switched off all execution of runbook steps.",
            value=int(switch is not None and switch.stopped),
        )
        approvals = GaugeMetricFamily(
            "tillwatch_approvals", "Approvals that are under way, by state.", labels=["state"]
        )
        for state in UNDER_WAY:
            approvals.add_metric([state.value], counts.get(state.value, 0))
        yield approvals
