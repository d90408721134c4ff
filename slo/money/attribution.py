"""What burns the budget: each part's exact share of the failures, and the parts worth naming. Pure.

A part is all units that carry some labels. The parts by any choice of fields are a partition, so
their shares of the bad units, of the spent budget and of the failed money add up to the whole
exactly: they are Fractions, and nothing is rounded here.

Which part is named: the one with the largest weighted relative accuracy, `bad x N - X x total` (X
bad of N units in all): failures beyond what the part's traffic would have at the average ratio. It
rises as a label is added that holds the failures and falls as soon as a label cuts some of them
off (Lavrac, Flach and Zupan, Rule Evaluation Measures, 1999).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations

from slo.binomial import upper_tail
from slo.ledger.sums import OTHER, SegmentKey, Sums, total_of
from slo.segments import Labels, matches

MAX_NAMED = 3
# A part is named from this share of all failures on, and only if it fails twice as often as the
# rest does and chance would not show that in one of a thousand windows.
NAMED_SHARE = Fraction(1, 10)
NAMED_BAD = 5
NAMED_TIMES = 2
CHANCE = 1e-3

BySegment = Mapping[SegmentKey, Sums]


@dataclass(frozen=True)
class Part:
    """One part of the failures.

    `share` of all bad units; `spent`: bad / allowed of the whole objective (1 = its whole budget);
    `traffic`: share of all counted units. `bad_minor` and `money_share` by currency.
    """

    labels: Labels
    bad: int
    total: int
    share: Fraction
    spent: Fraction
    traffic: Fraction
    bad_minor: Mapping[str, int] = field(default_factory=dict)
    money_share: Mapping[str, Fraction] = field(default_factory=dict)


class Attribution:
    """The failures of one objective in one window, to be split by any of its segment's fields."""

    def __init__(self, names: Sequence[str], sums: BySegment, budget_ratio: Fraction) -> None:
        """`names`: the fields that the keys of `sums` hold. `budget_ratio` = 1 - target."""
        self.names = tuple(names)
        self._sums = sums
        self._ratio = budget_ratio
        self.whole = total_of(sums.values())

    def by(self, fields: Sequence[str], at_most: int | None = None) -> list[Part]:
        """The partition by these fields, most failures first; parts without a failure are left out.

        What is beyond `at_most` parts is one last part without labels. Shares add up to 1 exactly,
        for counts and for each currency that has failed money.
        """
        places = [self.names.index(name) for name in fields]
        groups: dict[SegmentKey, list[Sums]] = {}
        for key, sums in self._sums.items():
            if sums.bad or any(one.bad_minor for one in sums.money.values()):
                groups.setdefault(tuple([key[place] for place in places]), []).append(sums)
        ranked = sorted(groups.items(), key=lambda one: (-sum(s.bad for s in one[1]), one[0]))
        listed = len(ranked) if at_most is None or len(ranked) <= at_most else at_most - 1
        shown = {values for values, _ in ranked[:listed]}
        totals = self._totals(places, shown)
        parts = [
            self._part(tuple(zip(fields, values, strict=True)), total_of(sums), totals[values])
            for values, sums in ranked[:listed]
        ]
        if listed == len(ranked):
            return parts
        rest = total_of(one for _, sums in ranked[listed:] for one in sums)
        return [*parts, self._part((), rest, self.whole.total - sum(totals.values()))]

    def by_segment(self, at_most: int) -> list[Part]:
        """The finest partition."""
        return self.by(self.names, at_most)

    def _totals(self, places: Sequence[int], shown: set[SegmentKey]) -> dict[SegmentKey, int]:
        """Counted units of each part, also of its segments without a failure."""
        totals = dict.fromkeys(shown, 0)
        for key, sums in self._sums.items():
            values = tuple([key[place] for place in places])
            if values in totals:
                totals[values] += sums.total
        return totals

    def named(self) -> list[Part]:
        """Up to three parts that stand out, most telling first; [] where none does.

        The second is looked for, and counted, outside of the first, the third outside of both: no
        unit is in two of them.
        """
        found: list[Part] = []
        left = dict(self._sums)
        telling = self._telling()
        while len(found) < MAX_NAMED:
            labels = _standing_out(self.names, telling, left)
            if labels is None:
                break
            carried = dict(labels)
            taken = {key for key in left if matches(self.names, key, carried)}
            sums = total_of(left[key] for key in taken)
            part = self._part(labels, sums, sums.total)
            if part.share < NAMED_SHARE:
                break
            found.append(part)
            left = {key: sums for key, sums in left.items() if key not in taken}
        return found

    def _telling(self) -> list[int]:
        """Places of the fields that have more than one value: the others tell nothing apart."""
        columns = list(zip(*self._sums, strict=True))
        return [place for place, values in enumerate(columns) if len(set(values)) > 1]

    def _part(self, labels: Labels, sums: Sums, total: int) -> Part:
        whole = self.whole
        bad_minor = {code: one.bad_minor for code, one in sums.money.items() if one.bad_minor}
        return Part(
            labels=labels,
            bad=sums.bad,
            total=total,
            share=_of(sums.bad, whole.bad),
            spent=_of(sums.bad, self._ratio * whole.total),
            traffic=_of(total, whole.total),
            bad_minor=bad_minor,
            money_share={
                code: _of(minor, whole.money[code].bad_minor) for code, minor in bad_minor.items()
            },
        )


def _of(part: int, whole: int | Fraction) -> Fraction:
    return Fraction(part) / whole if whole else Fraction(0)


def _standing_out(names: Sequence[str], telling: Sequence[int], sums: BySegment) -> Labels | None:
    """The labels of the largest weighted relative accuracy, if they pass the three conditions.

    Of labels that hold the very same units the most are given: they describe best.
    """
    all_bad = sum(one.bad for one in sums.values())
    all_total = sum(one.total for one in sums.values())
    groups = _groups(names, telling, sums)
    if not groups:
        return None

    def rank(labels: Labels) -> tuple[int, int, Labels]:
        bad, total = groups[labels]
        return all_bad * total - bad * all_total, -len(labels), labels

    best = min(groups, key=rank)
    bad, total = groups[best]
    rest_bad, rest_total = all_bad - bad, all_total - total
    if bad < NAMED_BAD or not rest_total or bad * rest_total < NAMED_TIMES * rest_bad * total:
        return None
    chance = upper_tail(bad, all_bad, total / all_total) * len(groups)
    return best if chance <= CHANCE else None


def _groups(
    names: Sequence[str], telling: Sequence[int], sums: BySegment
) -> dict[Labels, tuple[int, int]]:
    """(bad, total) of every combination of labels that has a failure; no label is empty."""
    sizes = range(1, len(telling) + 1)
    found: dict[Labels, tuple[int, int]] = {}
    for places in (chosen for size in sizes for chosen in combinations(telling, size)):
        for values, (bad, total) in _grouped(places, sums).items():
            if bad and all(values) and OTHER not in values:
                found[tuple(zip((names[one] for one in places), values, strict=True))] = bad, total
    return found


def _grouped(places: Iterable[int], sums: BySegment) -> dict[SegmentKey, list[int]]:
    chosen = tuple(places)
    grouped: dict[SegmentKey, list[int]] = {}
    for key, one in sums.items():
        counts = grouped.setdefault(tuple([key[place] for place in chosen]), [0, 0])
        counts[0] += one.bad
        counts[1] += one.total
    return grouped
