"""OpenSLO durations: a whole number and one unit (`m` minute, `h`, `d`, `w`, `M`, `Q`, `Y`)."""

from __future__ import annotations

import re
from typing import NamedTuple

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

_UNITS_US = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}
# What OpenSLO's own kit takes a month, a quarter and a year for where it needs a number.
NOMINAL_US = {"D": DAY_US, "W": 7 * DAY_US, "M": 30 * DAY_US, "Q": 90 * DAY_US, "Y": 365 * DAY_US}
_SHAPE = re.compile(r"([0-9]{1,6})([A-Za-z])\Z")


class Duration(NamedTuple):
    """`amount` times `unit`."""

    amount: int
    unit: str


def read_duration(text: object) -> Duration:
    """The number and the unit of `28d` or `1M`. Raises ValueError that says why not."""
    if not isinstance(text, str):
        raise ValueError('a duration such as "28d" is wanted')  # noqa: TRY004 - one kind of fault
    found = _SHAPE.match(text)
    if found is None:
        raise ValueError('not a duration: write a whole number and a unit, such as "28d"')
    amount, unit = int(found[1]), found[2]
    if unit not in _UNITS_US and unit not in "MQY":
        raise ValueError(f"unknown unit {unit!r}; use m, h, d, w, M, Q or Y")
    if amount == 0:
        raise ValueError("a duration of zero holds nothing")
    return Duration(amount, unit)


def duration_us(text: object, *, seconds: bool = False) -> int:
    """Microseconds of `28d`, `1w`, `90m`. Raises ValueError that says why not.

    `seconds`: `s` is a unit too (our annotations; OpenSLO itself has none).
    """
    amount, unit = read_duration(text)
    if unit in "MQY":
        raise ValueError(
            f"calendar months, quarters and years ({unit}) have no fixed length; use d or w"
        )
    if unit == "s" and not seconds:
        raise ValueError("unknown unit 's'; use m, h, d or w")
    return amount * _UNITS_US[unit]


def duration_text(length_us: int) -> str:
    """The shortest writing in s, m, h or d that `duration_us` reads back: `90m`, `28d`."""
    for unit in "dhms":
        if length_us % _UNITS_US[unit] == 0:
            return f"{length_us // _UNITS_US[unit]}{unit}"
    raise ValueError(f"{length_us} us are no whole seconds")
