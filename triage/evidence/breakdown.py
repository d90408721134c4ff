"""Attribute breakdown: what bad units have in common that good ones have not.

Every field and attribute is counted; values that make up at least 80 % of the excess of bad units
are candidates, alone and joined, and the narrowest joint explanation wins: the one with the largest
(share of the excess explained - share of the good units covered), where each further part must make
the slice markedly purer than it was without it. Fields that only bad units carry describe how it
fails and are never a cause.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from triage.evidence.significance import benjamini_hochberg, enrichment_p
from triage.evidence.units import CAUSE_FIELDS, OUTCOME_FIELDS

EXPLAINS = 0.8
MIN_SUPPORT = 3
MAX_Q = 0.01
_MAX_DEPTH = 3
_MAX_CANDIDATES = 12
_PURER_FACTOR = 2.0
_PURER_P = 0.01  # few units are at hand when an incident is some seconds old
_ALIAS = 0.98
_MAX_SLICES = 20
_MAX_MODES = 6

Part = tuple[str, str]


class Row(Protocol):
    """Anything that is good or bad and has fields."""

    @property
    def bad(self) -> bool:
        """True for a bad one."""

    @property
    def fields(self) -> Mapping[str, str]:
        """Field -> value; absent where unknown."""


@dataclass(frozen=True)
class Slice:
    """Units that share these field values, against all others. Shares and rates are 0-1."""

    parts: tuple[Part, ...]
    bad_in: int
    total_in: int
    bad: int
    total: int
    explained: float
    p_value: float = 1.0
    q_value: float = 1.0

    @property
    def rate_in(self) -> float:
        """Share of bad units inside."""
        return _ratio(self.bad_in, self.total_in)

    @property
    def rate_out(self) -> float:
        """Share of bad units outside."""
        return _ratio(self.bad - self.bad_in, self.total - self.total_in)

    @property
    def risk_difference(self) -> float:
        """rate_in - rate_out."""
        return self.rate_in - self.rate_out

    @property
    def share_of_bad(self) -> float:
        """How much of all bad units lies inside."""
        return _ratio(self.bad_in, self.bad)

    @property
    def share_of_good(self) -> float:
        """How much of all good units lies inside."""
        return _ratio(self.total_in - self.bad_in, self.total - self.bad)

    @property
    def lift(self) -> float:
        """Share among the bad over share among all; 1 = no difference."""
        return _ratio(self.share_of_bad, _ratio(self.total_in, self.total))

    @property
    def merit(self) -> float:
        """Share of the excess explained minus share of the good covered."""
        return self.explained - self.share_of_good

    @property
    def label(self) -> str:
        """`provider=adyen, region=eu-central`."""
        return ", ".join(f"{name}={value}" for name, value in self.parts)


@dataclass(frozen=True)
class Mode:
    """One value of an outcome-only field among the bad units: how it fails."""

    field: str
    value: str
    count: int
    share: float


@dataclass(frozen=True)
class Breakdown:
    """`blamed` is None where nothing separates bad from good. `also` covers the same units."""

    bad: int
    total: int
    blamed: Slice | None
    also: tuple[Part, ...]
    slices: tuple[Slice, ...]
    modes: tuple[Mode, ...]
    tested: int
    skipped_fields: tuple[str, ...]


def break_down(rows: Sequence[Row], base_rate: float = 0.0) -> Breakdown:
    """Compare bad with good rows. `base_rate` is the share of bad ones that is usual (0-1)."""
    bad = sum(row.bad for row in rows)
    counts, skipped, outcome_only = _count(rows)
    excess = bad - base_rate * len(rows)

    def measure(parts: tuple[Part, ...], bad_in: int, total_in: int) -> Slice:
        share = (bad_in - base_rate * total_in) / excess if excess > 0 else 0.0
        p_value = enrichment_p(bad_in, total_in, bad, len(rows))
        explained = min(1.0, max(0.0, share))
        return Slice(parts, bad_in, total_in, bad, len(rows), explained, p_value)

    singles = [
        measure((part,), bad_in, total_in)
        for part, (bad_in, total_in) in counts.items()
        if bad_in >= MIN_SUPPORT and total_in < len(rows)
    ]
    candidates = _candidates(singles)
    index = _Intersections(rows, candidates)
    joined = [
        measure(parts, *index.count(parts))
        for depth in range(2, _MAX_DEPTH + 1)
        for parts in combinations(sorted(candidates, key=_field_order), depth)
        if len({name for name, _ in parts}) == depth
    ]
    joined = [found for found in joined if found.bad_in >= MIN_SUPPORT]
    tested = _with_q_values(singles + joined)
    blamed = _narrowest(tested, index)
    return Breakdown(
        bad=bad,
        total=len(rows),
        blamed=blamed,
        also=index.aliases(blamed.parts) if blamed else (),
        slices=tuple(sorted(tested, key=_rank)[:_MAX_SLICES]),
        modes=_modes(rows, bad, outcome_only),
        tested=len(tested),
        skipped_fields=skipped,
    )


def _count(
    rows: Sequence[Row],
) -> tuple[dict[Part, tuple[int, int]], tuple[str, ...], tuple[str, ...]]:
    """(bad, total) per field value; fields left out for too many values; outcome-only fields."""
    totals: Counter[Part] = Counter()
    bads: Counter[Part] = Counter()
    for row in rows:
        items = row.fields.items()
        totals.update(items)
        if row.bad:
            bads.update(items)
    values: Counter[str] = Counter(name for name, _ in totals)
    good: Counter[str] = Counter()
    for part, total in totals.items():
        good[part[0]] += total - bads[part]
    some_good = any(not row.bad for row in rows)
    outcome_only = {name for name in values if name in OUTCOME_FIELDS}
    if some_good:
        outcome_only |= {name for name in values if not good[name]}
    too_many = {name for name in values if values[name] > max(20, len(rows) // 5)}
    counts = {
        part: (bads[part], total)
        for part, total in totals.items()
        if part[0] not in outcome_only and part[0] not in too_many
    }
    return counts, tuple(sorted(too_many)), tuple(sorted(outcome_only - too_many))


def _candidates(singles: Iterable[Slice]) -> list[Part]:
    found = [one for one in singles if one.explained >= EXPLAINS and one.risk_difference > 0]
    return [one.parts[0] for one in sorted(found, key=_rank)[:_MAX_CANDIDATES]]


def _rank(one: Slice) -> tuple[float, int, list[int], tuple[Part, ...]]:
    """Best first; equal merit goes to fewer parts, then to the field that names a cause best."""
    order = [_field_order(part)[0] for part in one.parts]
    return (-round(one.merit, 9), len(one.parts), order, one.parts)


def _field_order(part: Part) -> tuple[int, Part]:
    name = part[0]
    return (CAUSE_FIELDS.index(name) if name in CAUSE_FIELDS else len(CAUSE_FIELDS), part)


def _with_q_values(slices: list[Slice]) -> list[Slice]:
    q_values = benjamini_hochberg([one.p_value for one in slices])
    return [
        Slice(
            one.parts, one.bad_in, one.total_in, one.bad, one.total, one.explained, one.p_value, q
        )
        for one, q in zip(slices, q_values, strict=True)
    ]


class _Intersections:
    """How many rows, bad and all, hold each combination of the candidates. One pass."""

    def __init__(self, rows: Sequence[Row], candidates: Sequence[Part]) -> None:
        self._bit = {part: 1 << position for position, part in enumerate(candidates)}
        self._bad: Counter[int] = Counter()
        self._total: Counter[int] = Counter()
        for row in rows:
            mask = 0
            for (name, value), bit in self._bit.items():
                if row.fields.get(name) == value:
                    mask |= bit
            self._total[mask] += 1
            self._bad[mask] += row.bad

    def knows(self, parts: Iterable[Part]) -> bool:
        return all(part in self._bit for part in parts)

    def count(self, parts: Iterable[Part]) -> tuple[int, int]:
        wanted = sum(self._bit[part] for part in parts)
        held = [mask for mask in self._total if mask & wanted == wanted]
        return sum(self._bad[mask] for mask in held), sum(self._total[mask] for mask in held)

    def aliases(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        """Other candidates that hold (nearly) the same rows as the whole or one part of it."""
        found = []
        for part in self._bit:
            if part in parts:
                continue
            for other in {parts, *((one,) for one in parts)}:
                both = self.count({part, *other})[1]
                either = self.count((part,))[1] + self.count(other)[1] - both
                if both >= _ALIAS * either:
                    found.append(part)
                    break
        return tuple(found)


def _narrowest(slices: Sequence[Slice], index: _Intersections) -> Slice | None:
    """The best slice that explains the excess, is significant, and needs each of its parts."""
    for one in sorted(slices, key=_rank):
        if one.explained < EXPLAINS or one.q_value > MAX_Q or one.risk_difference <= 0:
            continue
        if not index.knows(one.parts):
            continue
        if len(one.parts) == 1 or all(
            _purer(one, tuple(part for part in one.parts if part != left_out), index)
            for left_out in one.parts
        ):
            return one
    return None


def _purer(one: Slice, wider: tuple[Part, ...], index: _Intersections) -> bool:
    """True where the rest of the wider slice fails far less: the added part is needed."""
    bad, total = index.count(wider)
    rest = _ratio(bad - one.bad_in, total - one.total_in)
    if total == one.total_in or one.rate_in < _PURER_FACTOR * rest:
        return False
    return enrichment_p(one.bad_in, one.total_in, bad, total) <= _PURER_P


def _modes(rows: Sequence[Row], bad: int, fields: tuple[str, ...]) -> tuple[Mode, ...]:
    counted: Counter[Part] = Counter()
    for row in rows:
        if row.bad:
            counted.update((name, row.fields[name]) for name in fields if name in row.fields)
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        Mode(name, value, count, _ratio(count, bad)) for (name, value), count in ranked[:_MAX_MODES]
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
