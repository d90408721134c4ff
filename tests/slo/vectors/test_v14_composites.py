"""V14: 3 x 0.99 + 7 x 0.995 = 0.9935; equal weights 0.99 and 0.98 = 0.985; no data is dropped."""

from fractions import Fraction

from slo.composite import Member, composite

SEARCH, PAY = Fraction("0.99"), Fraction("0.995")


def test_v14_weights_of_3_and_7() -> None:
    assert composite([Member(Fraction(3), SEARCH), Member(Fraction(7), PAY)]).sli == Fraction(
        "0.9935"
    )


def test_v14_equal_weights() -> None:
    equal = [Member(Fraction(1), SEARCH), Member(Fraction(1), Fraction("0.98"))]
    assert composite(equal).sli == Fraction("0.985")


def test_v14_a_member_without_data_is_dropped_with_its_weight_where_it_is_ignored() -> None:
    found = composite([Member(Fraction(3), SEARCH), Member(Fraction(7), None, "ignore")])
    assert found.sli == SEARCH
    assert found.coverage == Fraction(3, 10)
