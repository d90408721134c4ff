"""Calendar windows and budgets of time as the pages show them."""

import pytest

from access.principal import Role
from slo.schemas import CountsOut, ExtrapolatedOut, PreviousOut, WindowOut
from tests.dashboards import samples
from tests.dashboards.test_pages import words
from tests.dashboards.test_slice_words import SLICES

MONTH = WindowOut(
    kind="calendar",
    seconds=30 * 86_400,
    start="2026-10-31T23:00:00.000000Z",
    to=samples.AT,
    ends="2026-11-30T23:00:00.000000Z",
    counted_from="2026-10-31T23:00:00.000000Z",
    elapsed=0.58,
    zone="Europe/Berlin",
    unit="month",
    count=1,
)
BEFORE = PreviousOut(
    start="2026-09-30T22:00:00.000000Z",
    to="2026-10-31T23:00:00.000000Z",
    counts=CountsOut(good=19_990, bad=10, excluded=0, pending=None),
    sli=0.9995,
    budget_left=0.9,
    coverage=1.0,
    kept=True,
)
WHOLE = ExtrapolatedOut(
    method="so far", total=17_241, bad_allowed=86, bad_left=56, budget_left=0.65
)


@pytest.fixture
def reader(house):
    house.enter(Role.RESPONDER)
    return house


def test_a_calendar_window_is_named_on_both_pages(reader):
    reader.slos = [samples.slo(window=MONTH, previous=BEFORE, extrapolated=WHOLE)]
    assert "calendar month" in words(reader.page("/"))
    text = words(reader.page("/slos/payment-success"))
    assert "calendar month (Europe/Berlin)" in text
    assert "58.0 % of it is counted so far" in text
    assert "99.95 % were good, 90 % left: kept" in text
    assert "An estimate: if the rest of the window goes like the part so far, 17,241" in text


def test_the_estimate_is_shown_apart_from_the_budget(reader):
    reader.slos = [samples.slo(window=MONTH, extrapolated=WHOLE)]
    text = words(reader.page("/slos/payment-success"))
    assert "40 % left" in text.partition("How it is counted")[0]
    assert "65 % left" not in text.partition("How it is counted")[0]


def test_a_budget_of_time_is_shown_in_hours_and_minutes_with_its_formula(reader):
    reader.slos = [samples.slo(slices=SLICES, target=0.95, sli=1.0, bad_left=1008)]
    for path in ("/", "/slos/payment-success"):
        html = reader.page(path)
        assert "16 h 48 min" in words(html)
        assert "1 - bad slices / counted slices in the window" in html
        assert "(good + bad) in the window" not in html
    assert "Slices of 1 min, good from 95.0 %" in words(reader.page("/slos/payment-success"))
