"""Pyrra's window table (https://github.com/pyrra-dev/pyrra, slo/rules.go), for comparison only.

Its factors stay 14/7/2/1 whatever the period; its windows scale with it and are rounded to minutes.
"""

from __future__ import annotations

from dataclasses import dataclass

_BASE_DAYS = 28
# (factor, long, short, for) in minutes at 28 days
_BASE = ((14, 60, 5, 2), (7, 360, 30, 15), (2, 1440, 120, 60), (1, 5760, 360, 180))


@dataclass(frozen=True)
class PyrraPair:
    """One alert of Pyrra's, in minutes."""

    factor: int
    long_min: int
    short_min: int
    for_min: int


def pyrra_table(days: int) -> list[PyrraPair]:
    """The four alerts of an objective over `days`."""
    return [
        PyrraPair(factor, *(_scaled(minutes, days) for minutes in (long, short, pending)))
        for factor, long, short, pending in _BASE
    ]


def _scaled(minutes: int, days: int) -> int:
    """Go's Round: half away from zero."""
    return (2 * minutes * days + _BASE_DAYS) // (2 * _BASE_DAYS)
