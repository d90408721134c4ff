"""One objective on a terminal of 80 columns."""

from slo.terminal_text import show_text
from tests.dashboards import samples

FOUR = ("CHF", "EUR", "GBP", "USD")


def _shop_of(currencies: tuple[str, ...]) -> dict:
    found = samples.slo().model_dump(mode="json")
    for one in found["conversion"]["windows"]:
        [value] = one["order_values"]
        one["order_values"] = [
            {**value, "currency": currency, "average_minor": 1_234_567 + place}
            for place, currency in enumerate(currencies)
        ]
    return found


def test_many_currencies_make_the_answer_longer_never_wider():
    text = show_text(_shop_of(FOUR), 80)
    assert max(len(line) for line in text.splitlines()) <= 80
    averages = text.partition("average, last")[2].partition("window ")[0].splitlines()
    assert [line.split()[-1] for line in averages[1:] if line] == list(FOUR)
    assert "12,345.67" in averages[1]


def test_an_average_that_is_not_known_is_never_a_number():
    found = _shop_of(("EUR",))
    for one in found["conversion"]["windows"]:
        one["order_values"][0]["average_minor"] = None
    averages = show_text(found, 80).partition("average, last")[2]
    assert "not known" in averages.partition("EUR")[0]


def test_without_orders_there_is_no_table_of_averages():
    found = samples.slo().model_dump(mode="json")
    found["conversion"] = None
    assert "average, last" not in show_text(found, 80)
