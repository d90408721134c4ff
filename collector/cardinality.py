"""Budgets on what senders may name: attribute names, and values of what becomes a label of ours.

Each source has budgets of its own per hour of receive time; what is first heard in the hour is
admitted. Beyond a budget a value becomes `__other__`, and a name gives way to the one name
`__other__`; every such place is counted. All sources together have a bound too: once it is reached,
a source below its fair share still gets in, one above it does not. So no source can take the room
of another, and memory is bounded by twice that bound.

State in memory, no I/O and no clock: time comes with the records.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Final

from kernel.clock import HOUR_US
from kernel.telemetry_store.port import Scalar

OTHER: Final = "__other__"
# Fields that become labels although they are no attributes.
SERVICE: Final = "service.name"
METRIC: Final = "metric.name"

# (source, name) -> how many values or names did not fit.
Dropped = MutableMapping[tuple[str, str], int]


@dataclass(frozen=True)
class Budgets:
    """`names`, `values`: per source and hour, the second per label. Lengths in characters."""

    names: int = 1_000
    values: int = 10_000
    in_all: int = 200_000
    sources: int = 100
    name_length: int = 256
    value_length: int = 1_024


@dataclass
class _Known:
    """What one source was heard to say in this hour; hashes alone, so that each costs the same."""

    values_of: dict[int, int] = field(default_factory=dict)
    pairs: set[int] = field(default_factory=set)

    @property
    def size(self) -> int:
        return len(self.values_of) + len(self.pairs)


class Cardinality:
    """What was admitted in this hour. Not for sharing between threads."""

    def __init__(self, budgets: Budgets | None = None) -> None:
        self._budgets = budgets or Budgets()
        self._hour = 0
        self._sources: dict[str, _Known] = {}
        self._size = 0

    @property
    def size(self) -> int:
        """Names and values that are remembered."""
        return self._size

    def begin(self, received_us: int) -> None:
        """Records of this receive time come next: with a new hour all budgets begin anew."""
        hour = received_us // HOUR_US
        if hour > self._hour:
            self._hour = hour
            self._sources.clear()
            self._size = 0

    def label(self, source: str, name: str, value: str, dropped: Dropped) -> str:
        """The value of a label, or `__other__`."""
        known = self._of(source)
        if self._admits_name(known, name) and self._admits_value(known, name, value):
            return value
        _count(dropped, source, name if hash(name) in known.values_of else OTHER)
        return OTHER

    def attributes(
        self, source: str, given: Mapping[str, Scalar], dropped: Dropped, *, labels: bool
    ) -> Mapping[str, Scalar]:
        """Attributes within the budget of names, and where they are labels within that of values.

        What changes nothing is given back as it is.
        """
        known = self._of(source)
        values_of = known.values_of
        found: dict[str, Scalar] | None = None
        for name, value in given.items():
            if hash(name) not in values_of and not self._admits_name(known, name):
                found = found if found is not None else dict(given)
                del found[name]
                found[OTHER] = OTHER
                _count(dropped, source, OTHER)
            elif labels and not self._admits_value(known, name, value):
                found = found if found is not None else dict(given)
                found[name] = OTHER
                _count(dropped, source, name)
        return given if found is None else found

    def _of(self, source: str) -> _Known:
        known = self._sources.get(source)
        if known is not None:
            return known
        # Sources beyond the bound share one place.
        place = source if len(self._sources) < self._budgets.sources else OTHER
        return self._sources.setdefault(place, _Known())

    def _admits_name(self, known: _Known, name: str) -> bool:
        key = hash(name)
        if key in known.values_of:
            return True
        too_long = len(name) > self._budgets.name_length
        if too_long or len(known.values_of) >= self._budgets.names or not self._has_room(known):
            return False
        known.values_of[key] = 0
        self._size += 1
        return True

    def _admits_value(self, known: _Known, name: str, value: Scalar) -> bool:
        pair = hash((name, value))
        if pair in known.pairs:
            return True
        key = hash(name)
        too_long = isinstance(value, str) and len(value) > self._budgets.value_length
        full = known.values_of[key] >= self._budgets.values
        if too_long or full or not self._has_room(known):
            return False
        known.pairs.add(pair)
        known.values_of[key] += 1
        self._size += 1
        return True

    def _has_room(self, known: _Known) -> bool:
        in_all = self._budgets.in_all
        return self._size < in_all or known.size < in_all // len(self._sources)


def _count(dropped: Dropped, source: str, name: str) -> None:
    dropped[source, name] = dropped.get((source, name), 0) + 1
