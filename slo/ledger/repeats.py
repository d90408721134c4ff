"""Which bad attempts of one basket count for alerts: the first, and none for 15 min after it. Pure.

Source of the rule: one customer's burst of retries must not look like many failing customers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kernel.clock import MINUTE_US

REPEAT_US: Final = 15 * MINUTE_US


def counted(
    attempts: Iterable[tuple[int, str]], last_us: int | None = None
) -> set[tuple[int, str]]:
    """Those of one key's bad attempts (time, unit) that count; the others are repeats.

    An attempt counts if the last counted one lies 15 min back or more. `last_us`: time of the last
    counted one before all of these.
    """
    chosen: set[tuple[int, str]] = set()
    for attempt in sorted(attempts):
        if last_us is None or attempt[0] - last_us >= REPEAT_US:
            chosen.add(attempt)
            last_us = attempt[0]
    return chosen
