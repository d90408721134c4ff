"""Table 2.8, "coverage": observed over expected; below 90 % it is no data and alerts hold."""

from fractions import Fraction

from slo.ledger_view import COVERAGE_FLOOR
from tests.slo.shop_till import Till, all_fail


def test_the_floor_is_nine_tenths() -> None:
    assert Fraction(9, 10) == COVERAGE_FLOOR


def test_below_the_floor_it_is_no_data_and_the_figure_says_how_much_was_seen(till: Till) -> None:
    till.silence(400)
    found = till.service.show("payment-success")
    assert found.state == "no_data"
    assert 0 < found.coverage < 1


def test_an_open_alert_neither_closes_nor_does_another_open_in_a_gap(till: Till) -> None:
    till.play(60, fails=all_fail)
    before = [(row.id, row.state) for row in till.alerts()]
    assert [state for _, state in before] == ["open"]
    till.silence(900)
    assert [(row.id, row.state) for row in till.alerts()] == before


def test_it_goes_on_where_it_stood_once_data_is_back(till: Till) -> None:
    till.play(60, fails=all_fail)
    till.silence(420)
    till.play(420)
    assert [row.state for row in till.alerts()] == ["closed"]
    assert till.service.show("payment-success").coverage < 1
