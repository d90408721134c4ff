"""V3: 7 days, shares 8/12.5/20/42 %: 13.44, 3.5, 1.4, 0.98."""

from fractions import Fraction

from slo.tiers import default_tiers


def test_v3_the_default_tiers_of_7_days() -> None:
    found = [one.factor for one in default_tiers(7 * 86_400, Fraction(1, 1000))]
    assert found == [Fraction("13.44"), Fraction("3.5"), Fraction("1.4"), Fraction("0.98")]
