"""V2: the same shares over 28 days: 13.44, 5.6, 2.8, 0.9333 (14/15)."""

from fractions import Fraction

from slo.tiers import default_tiers


def test_v2_the_default_tiers_of_28_days() -> None:
    found = [one.factor for one in default_tiers(28 * 86_400, Fraction(1, 1000))]
    assert found == [Fraction("13.44"), Fraction("5.6"), Fraction("2.8"), Fraction(14, 15)]
