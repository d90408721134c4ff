"""Recurring work of slo outside of the ledger."""

from __future__ import annotations

from kernel.parts import Job
from slo.corrections.service import CorrectionService
from slo.evaluation import EVERY_S, Evaluator
from slo.silence.watcher import EVERY_S as SILENCE_EVERY_S
from slo.silence.watcher import SilenceWatcher

_EXPIRE_EVERY_S = 60.0


def jobs(
    evaluator: Evaluator, silence: SilenceWatcher, corrections: CorrectionService
) -> list[Job]:
    """The evaluation of burns and the look for silence, and the end of undecided proposals."""
    return [
        Job("slo.evaluate", evaluator.run_once, EVERY_S),
        Job("slo.silence", silence.run_once, SILENCE_EVERY_S),
        Job("slo.corrections.expire", corrections.expire, _EXPIRE_EVERY_S),
    ]
