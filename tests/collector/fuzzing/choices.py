"""Decisions read from bytes: Hypothesis varies and shrinks whole bodies by varying bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

# `--hypothesis-profile long` asks for more.
MORE = settings(max_examples=max(250, settings.default.max_examples))
T = TypeVar("T")


class Choices:
    """Each decision takes a byte or two; when they are used up, each is the first one."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, bound: int) -> int:
        """A number from 0 up to and without `bound`, which is at most 65,536."""
        found = self._byte()
        if bound > 256:
            found = found << 8 | self._byte()
        return found % bound

    def of(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[self.below(len(options))]

    def once_in(self, bound: int) -> bool:
        """True once in so many times; False when the bytes are used up."""
        return self.below(bound) == bound - 1

    def some(self, size: int) -> bytes:
        """So many bytes as they come."""
        return bytes(self._byte() for _ in range(size))

    def _byte(self) -> int:
        at, self._at = self._at, self._at + 1
        return self._data[at] if at < len(self._data) else 0


DECISIONS = st.binary(max_size=300) | st.binary(min_size=200, max_size=1_500)


def mutated(body: bytes, choices: Choices) -> bytes:
    """The body after one to four accidents: bits flip, pieces are cut, inserted, repeated."""
    found = bytearray(body)
    for _ in range(1 + choices.below(4)):
        at, size = choices.below(min(len(found) + 1, 1 << 16)), 1 + choices.below(24)
        match choices.below(5):
            case 0 if at < len(found):
                found[at] ^= 1 << choices.below(8)
            case 1 if at < len(found):
                found[at] = choices.of((0x00, 0x22, 0x30, 0x5C, 0x7B, 0x7F, 0x80, 0xFF))
            case 2:
                found[at:at] = choices.some(size)
            case 3:
                del found[at : at + size]
            case _:
                to = choices.below(min(len(found) + 1, 1 << 16))
                found[to:to] = found[at : at + size]
    return bytes(found)
