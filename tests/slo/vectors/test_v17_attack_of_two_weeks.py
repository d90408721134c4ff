"""V17: 95 % over 2 weeks, an attack lets 1 % through instead of 99 %: how long may it last?

OpenSLO's own text says 16 h 48 m by Timeslices (exact) and about 13 h 45 m by RatioTimeslices
(exact is 13 h 42.9 m); its figure for Occurrences is wrong and no oracle.
"""

from fractions import Fraction

from kernel.clock import MINUTE_US
from slo.budget import Budget
from slo.objective import TimeSlices
from slo.time_slices import Slice, tally

MINUTES = 14 * 1440
NORMAL, ATTACKED = Slice(99, 1), Slice(1, 99)
BUDGET = Fraction(5, 100)


def left(attack_min: int, method: TimeSlices) -> Fraction:
    slices = [ATTACKED] * attack_min + [NORMAL] * (MINUTES - attack_min)
    found = tally(slices, method, "freeze").budget(BUDGET).left
    assert found is not None
    return found


def test_v17_by_timeslices_it_may_last_16_h_48_min() -> None:
    method = TimeSlices(MINUTE_US, Fraction(95, 100))
    assert left(16 * 60 + 48, method) == 0
    assert left(16 * 60 + 47, method) > 0
    assert left(16 * 60 + 49, method) < 0


def test_v17_by_ratio_timeslices_it_may_last_13_h_42_9_min() -> None:
    method = TimeSlices(MINUTE_US)
    assert left(13 * 60 + 42, method) > 0 > left(13 * 60 + 43, method)
    exact = Fraction(4, 98) * MINUTES
    assert round(float(exact - 13 * 60), 1) == 42.9


def test_v17_by_occurrences_14_155_of_14_298_attacked_requests_failed() -> None:
    normal = 336_000
    attacked = Fraction(normal) * Fraction(4, 100) / Fraction(94, 100)
    assert round(attacked) == 14_298
    assert round(attacked * Fraction(99, 100)) == 14_155
    bad = Fraction(normal, 100) + attacked * Fraction(99, 100)
    assert Budget(bad, normal + attacked, BUDGET).left == 0
