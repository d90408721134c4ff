"""Figures in words that a person who was just woken can weigh. Pure."""

from __future__ import annotations

from typing import Final

_NAMES: Final = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
# Beyond this the figure says more about the formula than about the shop.
_NEVER: Final = 1e15


def rarity_text(probability: float) -> str:
    """`once in 18 billion times` for a probability of 5.5e-11; whole numbers, rounded down."""
    times = 1 / probability if probability > 0 else float("inf")
    if times >= _NEVER:
        return "practically never"
    for size, name in _NAMES:
        if times >= size:
            return f"once in {int(times / size)} {name} times"
    return f"once in {int(max(1.0, times)):,} times"


def span_text(seconds: int) -> str:
    """`45 s`, `6 min`, `3 h`, `2 d`; rounded down."""
    for unit, from_s, length_s in (("d", 172_800, 86_400), ("h", 7200, 3600), ("min", 120, 60)):
        if seconds >= from_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} s"
