"""Recurring work of slo outside of the ledger."""

from __future__ import annotations

from kernel.parts import Job
from slo.evaluation import EVERY_S, Evaluator


def jobs(evaluator: Evaluator) -> list[Job]:
    """The evaluation pass, every 5 s."""
    return [Job("slo.evaluate", evaluator.run_once, EVERY_S)]
