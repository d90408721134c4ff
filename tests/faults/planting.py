"""Dealing out planted secrets: all kinds and all cards, in turns, so that all get everywhere.

The full cross product of kinds, frames, cards, spellings, fields and inputs has millions of places.
A `Deal` goes round instead: it gives each input every kind and every card at least once, in frames
and spellings that change from input to input, and each field the next of them.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.faults.cards import cards, parts_of, spellings
from tests.faults.secrets import KINDS, plantings, secrets

SEED = 20261120
# Fewer digits could stand in a file by chance.
_NEEDLE_DIGITS_MIN = 11
# Rounds until every field of a document has had several kinds.
_LEAVES_AT_ONCE = 2
_CANARIES = 120
Path = tuple[str | int, ...]


class Deal:
    """What one input is filled with. `start` turns the order, the frames and the spellings."""

    def __init__(self, start: int = 0) -> None:
        rng = random.Random(SEED)
        self._texts, self._pairs = _texts(rng, start)
        self._numbers = [int(card) for card in cards(random.Random(SEED + 1))]
        self._dealt = self._paired = self._counted = 0
        self._start = start * 17

    @property
    def done(self) -> bool:
        """Everything was dealt once."""
        return (
            self._dealt >= len(self._texts)
            and self._paired >= len(self._pairs)
            and self._counted >= len(self._numbers)
        )

    def text(self, longest: int = 10_000) -> str:
        """The next text that holds a secret or a card; it is whole, and not longer than that."""
        while True:
            self._dealt += 1
            text = self._texts[(self._start + self._dealt) % len(self._texts)]
            if len(text) <= longest:
                return text

    def pair(self) -> tuple[str, str]:
        """The next value that is known by its name alone."""
        self._paired += 1
        return self._pairs[(self._start + self._paired) % len(self._pairs)]

    def number(self) -> int:
        """The next card as an integer."""
        self._counted += 1
        return self._numbers[(self._start + self._counted) % len(self._numbers)]

    def needles(self) -> set[str]:
        """What must be found nowhere, the same for every start."""
        found = {part for secret in secrets(random.Random(SEED)) for part in secret.parts}
        for card in cards(random.Random(SEED + 1)):
            found |= set(parts_of(card))
        return {one for one in found if not _is_short_number(one)}


class Canary:
    """Deals one text that nobody masks, in the place of everything, until each leaf had it."""

    def __init__(self, name: str) -> None:
        self._text = name
        self._dealt = 0

    @property
    def done(self) -> bool:
        return self._dealt > _CANARIES

    def text(self, longest: int = 10_000) -> str:
        assert len(self._text) <= longest
        self._dealt += 1
        return self._text

    def pair(self) -> tuple[str, str]:
        return "note", self._text

    def number(self) -> int:
        return 7


def _texts(rng: random.Random, start: int) -> tuple[list[str], list[tuple[str, str]]]:
    """One frame of each secret, one spelling of each card; and the pairs."""
    texts: list[str] = []
    pairs: list[tuple[str, str]] = []
    by_secret: dict[tuple[str, ...], list[str]] = {}
    seen = set()
    for one in plantings(rng):
        seen.add(one.kind)
        if one.key:
            pairs.append((one.key, one.text))
        else:
            by_secret.setdefault(one.parts, []).append(one.text)
    assert seen == set(KINDS)
    for place, framed in enumerate(by_secret.values()):
        texts.append(framed[(place + start) % len(framed)])
    for place, card in enumerate(cards(random.Random(SEED + 1))):
        written = [one.text for one in spellings(card)]
        texts.append(written[(place + start) % len(written)])
    random.Random(SEED + start).shuffle(texts)
    return texts, pairs


def _is_short_number(needle: str) -> bool:
    digits = needle.replace(" ", "").replace("-", "")
    return digits.isdecimal() and len(digits) < _NEEDLE_DIGITS_MIN


def planted(
    base: Callable[[int], dict[str, Any]],
    deal: Deal | Canary,
    more: Path | None = None,
    *,
    rounds: int = 2,
) -> Iterator[dict[str, Any]]:
    """Documents of which some leaves are planted, until every leaf had its turns.

    `base`: a good one with this number; `more`: where any further members may stand, planted in all
    forms (None: nowhere).
    """
    number = widest = 0
    while not deal.done or number * _LEAVES_AT_ONCE < rounds * widest:
        document = copy.deepcopy(base(number))
        every = leaves(document)
        widest = max(widest, len(every)) if isinstance(deal, Deal) else 0
        if more is not None:
            holder = at(document, more)
            holder.update(members(deal))
        # The first of each five is good but for what stands in `more`.
        if number % 5 and every:
            for step in range(_LEAVES_AT_ONCE):
                path = every[(number * _LEAVES_AT_ONCE + step) % len(every)]
                put(document, path, deal.number() if number % 4 == 3 else deal.text())
        yield document
        number += 1


def members(deal: Deal | Canary) -> dict[str, Any]:
    """Further members of an object: texts, numbers, pairs, and texts as keys."""
    name, value = deal.pair()
    other, further = deal.pair()
    return {
        "note": deal.text(),
        "why": deal.text(),
        deal.text(120): "a key",
        name: value,
        "inner": {"text": deal.text(), other: further, "list": [deal.text(), deal.number()]},
        "whole": deal.number(),
        "broken": float(deal.number()),
    }


def flat_members(deal: Deal | Canary, *, longest: int = 500) -> dict[str, Any]:
    """The same without nesting, with texts that are not too long to be taken."""
    name, value = deal.pair()
    return {
        "note": deal.text(longest),
        "why": deal.text(longest),
        deal.text(120): "a key",
        name: value,
        "whole": deal.number(),
    }


def leaves(node: Any, path: Path = ()) -> list[Path]:
    """Paths of all scalars of a document."""
    if isinstance(node, dict):
        return [one for name, child in node.items() for one in leaves(child, (*path, name))]
    if isinstance(node, list):
        return [one for place, child in enumerate(node) for one in leaves(child, (*path, place))]
    return [path]


def at(document: Any, path: Path) -> Any:
    """The node at a path."""
    for name in path:
        document = document[name]
    return document


def put(document: Any, path: Path, value: Any) -> None:
    """Another value at a path."""
    at(document, path[:-1])[path[-1]] = value
