"""Recurring work of slo outside of the ledger."""

from __future__ import annotations

from kernel.parts import Job
from slo.corrections.service import CorrectionService
from slo.evaluation import EVERY_S, Evaluator

_EXPIRE_EVERY_S = 60.0


def jobs(evaluator: Evaluator, corrections: CorrectionService) -> list[Job]:
    """The evaluation pass every 5 s, and the end of proposals that nobody decided."""
    return [
        Job("slo.evaluate", evaluator.run_once, EVERY_S),
        Job("slo.corrections.expire", corrections.expire, _EXPIRE_EVERY_S),
    ]
