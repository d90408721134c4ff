"""Which units are left out: stretches of time, each with the segments it takes. Pure.

A unit is left out where its event time lies in [from_us, to_us) of a drop whose labels its segment
carries, however many drops say so.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from kernel.clock import MINUTE_US

# Sorted (field, value) pairs that a segment must carry, all of them; () is every unit.
Labels = tuple[tuple[str, str], ...]
Pair = tuple[int, int]
EVERYTHING: Labels = ()


@dataclass(frozen=True)
class Drop:
    """Leave out what carries `labels` in [from_us, to_us). Borders are whole minutes."""

    from_us: int
    to_us: int
    labels: Labels = EVERYTHING

    def __post_init__(self) -> None:
        """Older than two hours the ledger has minutes only: another border could not be exact."""
        if self.from_us % MINUTE_US or self.to_us % MINUTE_US:
            raise ValueError("a correction's borders are whole minutes")


@dataclass(frozen=True)
class Stretch:
    """Time in which the same things are left out."""

    from_us: int
    to_us: int
    labels: frozenset[Labels]

    @property
    def whole(self) -> bool:
        """True where every unit is left out."""
        return EVERYTHING in self.labels

    def takes(self, names: Sequence[str], key: Sequence[str]) -> bool:
        """True where the segment `key` of an objective counted by `names` is left out."""
        return any(carries(names, key, labels) for labels in self.labels)


class Drops:
    """All that is left out of one objective: stretches in order that do not touch the same time."""

    def __init__(self, drops: Iterable[Drop] = ()) -> None:
        self._stretches = _swept([one for one in drops if one.to_us > one.from_us])
        self._ends = [one.to_us for one in self._stretches]

    def __bool__(self) -> bool:
        return bool(self._stretches)

    def within(self, from_us: int, to_us: int) -> list[Stretch]:
        """The stretches inside of [from_us, to_us), clipped to it."""
        found = []
        for one in self._stretches[bisect_right(self._ends, from_us) :]:
            if one.from_us >= to_us:
                break
            clipped = max(one.from_us, from_us), min(one.to_us, to_us)
            found.append(Stretch(*clipped, one.labels))
        return found

    def whole(self, from_us: int, to_us: int) -> list[Pair]:
        """Spans of [from_us, to_us) in which nothing counts at all; neighbours are one span."""
        spans: list[Pair] = []
        for one in self.within(from_us, to_us):
            if not one.whole:
                continue
            if spans and spans[-1][1] == one.from_us:
                spans[-1] = spans[-1][0], one.to_us
            else:
                spans.append((one.from_us, one.to_us))
        return spans

    def kept(self, from_us: int, to_us: int) -> list[Pair]:
        """What `whole` leaves of [from_us, to_us)."""
        spans, at_us = [], from_us
        for begin_us, end_us in self.whole(from_us, to_us):
            if begin_us > at_us:
                spans.append((at_us, begin_us))
            at_us = end_us
        if to_us > at_us:
            spans.append((at_us, to_us))
        return spans

    def touch(self, labels: Mapping[str, str], from_us: int, to_us: int) -> int:
        """Until when something that may carry `labels` is left out in [from_us, to_us); 0: nothing.

        Two sets of labels meet unless they name different values for the same field.
        """
        ends = [
            stretch.to_us
            for stretch in self.within(from_us, to_us)
            for one in stretch.labels
            if all(labels.get(name, value) == value for name, value in one)
        ]
        return max(ends, default=0)


def labels_of(segment: Mapping[str, str]) -> Labels:
    """The sorted pairs of a mapping."""
    return tuple(sorted(segment.items()))


def carries(names: Sequence[str], key: Sequence[str], labels: Labels) -> bool:
    """True where the segment has every label.

    A field that the objective does not count by (any more) is carried by none of its segments: a
    correction for a part must never become one for the whole.
    """
    known = dict(zip(names, key, strict=True))
    return all(known.get(name) == value for name, value in labels)


def _swept(drops: Sequence[Drop]) -> list[Stretch]:
    """Cut at every border; what lies between two borders leaves out the union of the drops."""
    begins: dict[int, list[Labels]] = {}
    ends: dict[int, list[Labels]] = {}
    for one in drops:
        begins.setdefault(one.from_us, []).append(one.labels)
        ends.setdefault(one.to_us, []).append(one.labels)
    active: Counter[Labels] = Counter()
    found: list[Stretch] = []
    before_us = 0
    for at_us in sorted({*begins, *ends}):
        if active:
            _add(found, Stretch(before_us, at_us, _needed(active)))
        active.update(begins.get(at_us, ()))
        active.subtract(ends.get(at_us, ()))
        active = +active
        before_us = at_us
    return found


def _needed(active: Iterable[Labels]) -> frozenset[Labels]:
    labels = frozenset(active)
    return frozenset({EVERYTHING}) if EVERYTHING in labels else labels


def _add(found: list[Stretch], one: Stretch) -> None:
    last = found[-1] if found else None
    if last is not None and last.to_us == one.from_us and last.labels == one.labels:
        found[-1] = Stretch(last.from_us, one.to_us, one.labels)
    else:
        found.append(one)


NOTHING = Drops()
