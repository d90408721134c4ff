"""What a process is made of: parts that loop and jobs that recur.

Features build them in their `jobs.py`; `app` runs them and is the one place that survives their
failures. Each has a name (`slo.ledger.project`) that logs, metrics and `doctor` use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A consumer loop. `step()` does one bounded piece of work; True means: call again at once."""

    name: str
    step: Callable[[], bool]
    idle_wait_s: float = 0.2


@dataclass(frozen=True)
class Job:
    """Recurring work. Runs never overlap; missed runs are folded into one."""

    name: str
    run: Callable[[], None]
    every_s: float
