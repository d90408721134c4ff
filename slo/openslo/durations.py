"""OpenSLO durations: a whole number and one unit (`m` minute, `h`, `d`, `w`)."""

from __future__ import annotations

import re

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

_UNITS_US = {"s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}
_SHAPE = re.compile(r"([0-9]{1,6})([A-Za-z])\Z")


def duration_us(text: object, *, seconds: bool = False) -> int:
    """Microseconds of `28d`, `1w`, `90m`. Raises ValueError that says why not.

    `seconds`: `s` is a unit too (our annotations; OpenSLO itself has none).
    """
    if not isinstance(text, str):
        raise ValueError('a duration such as "28d" is wanted')  # noqa: TRY004 - one kind of fault
    found = _SHAPE.match(text)
    if found is None:
        raise ValueError('not a duration: write a whole number and a unit, such as "28d"')
    number, unit = int(found[1]), found[2]
    if unit in "MQY":
        raise ValueError(
            f"the unit {unit} (calendar months, quarters, years) is not supported yet; use d or w"
        )
    if unit not in _UNITS_US or (unit == "s" and not seconds):
        raise ValueError(f"unknown unit {unit!r}; use m, h, d or w")
    if number == 0:
        raise ValueError("a duration of zero holds nothing")
    return number * _UNITS_US[unit]
