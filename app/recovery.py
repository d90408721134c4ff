"""slo's answer to runbooks' question, carried over the gap between the two."""

from __future__ import annotations

from runbooks.ports import RecoveryReport
from slo.service import SloService


class SloRecovery:
    """Implements `runbooks.ports.Recovery`."""

    def __init__(self, slo: SloService) -> None:
        self._slo = slo

    def check(
        self, objective_ids: list[str], segment: dict[str, str], since_us: int
    ) -> RecoveryReport:
        """Are all of these good since then?"""
        verdict = self._slo.recovery(objective_ids, segment, since_us)
        return RecoveryReport(verdict.state, verdict.numbers)
