"""One figure of several objectives, by weight. Pure, exact.

`sum(weight * sli) / sum(weight)` over the members. What a member without data is worth is its own
choice, as Nobl9 has it (`whenDelayed`: count as good, count as bad, ignore): an ignored member
leaves with its weight, so that the others are weighed anew. Where every member is left out there is
no figure: that is no data, never 0 % and never 100 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from kernel.errors import BadInput
from slo.budget import Budget

WhenMissing = Literal["good", "bad", "ignore"]


@dataclass(frozen=True)
class Member:
    """One objective's part. `sli` None: no data, and `when_missing` says what is taken then."""

    weight: Fraction
    sli: Fraction | None
    when_missing: WhenMissing = "bad"

    @property
    def taken(self) -> Fraction | None:
        """The figure that goes in; None where the member is left out."""
        if self.sli is not None:
            return self.sli
        return {"good": Fraction(1), "bad": Fraction(0), "ignore": None}[self.when_missing]


@dataclass(frozen=True)
class Composite:
    """The weighed figure; `sli` is None where no member says anything.

    `coverage` is the share of all weight whose members have data: what was taken for the others is
    in `sli`, but never hidden.
    """

    sli: Fraction | None
    coverage: Fraction

    def budget(self, target: Fraction) -> Budget:
        """The budget of a promise of `target` on the composite, in shares: 1 is all of it."""
        ratio = 1 - target
        return Budget(0, 0, ratio) if self.sli is None else Budget(1 - self.sli, 1, ratio)


def composite(members: Sequence[Member]) -> Composite:
    """All members as one. Raises BadInput for a weight that is not above 0, or for no member."""
    if not members or any(one.weight <= 0 for one in members):
        raise BadInput("a composite needs members, each with a weight above 0")
    all_weight = sum((one.weight for one in members), Fraction(0))
    known = sum((one.weight for one in members if one.sli is not None), Fraction(0))
    taken = [(one.weight, one.taken) for one in members if one.taken is not None]
    weight = sum((share for share, _ in taken), Fraction(0))
    if not weight:
        return Composite(None, Fraction(0))
    weighed = sum((share * sli for share, sli in taken if sli is not None), Fraction(0))
    return Composite(weighed / weight, known / all_weight)
