"""What a process is made of: parts that loop and jobs that recur.

Features build them in their `jobs.py`; `app` runs them and is the one place that survives their
failures. Each has a name (`slo.ledger.project`) that logs, metrics and `doctor` use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A consumer loop. `step()` does one bounded piece of work; True means: call again at once.

    `gives_way`: it lets others go first where the processor is short, for a burst and no longer.
    """

    name: str
    step: Callable[[], bool]
    idle_wait_s: float = 0.2
    gives_way: bool = False


@dataclass(frozen=True)
class Job:
    """Recurring work. Runs never overlap; missed runs are folded into one."""

    name: str
    run: Callable[[], None]
    every_s: float
