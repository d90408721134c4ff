"""Exact numbers as text: a fraction becomes decimal digits, or nothing where it has no end."""

from __future__ import annotations

from fractions import Fraction

_MOST_DIGITS = 60


def decimal_text(number: Fraction) -> str:
    """`0.999`, `14.4`, `6`: the shortest exact decimal writing; "" where it would never end."""
    rest = number.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or places > _MOST_DIGITS:
        return ""
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    sign = "-" if number < 0 else ""
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
