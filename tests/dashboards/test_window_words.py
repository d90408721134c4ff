"""What the pages say of an objective's window."""

from dashboards.forecast import forecast
from dashboards.window_words import (
    extrapolated_words,
    previous_words,
    window_name,
    window_progress,
)

MONTH = {
    "kind": "calendar",
    "seconds": 30 * 86_400,
    "from": "2026-10-31T23:00:00.000000Z",
    "to": "2026-11-18T10:00:00.000000Z",
    "ends": "2026-11-30T23:00:00.000000Z",
    "counted_from": "2026-10-31T23:00:00.000000Z",
    "elapsed": 0.5819,
    "zone": "Europe/Berlin",
    "unit": "month",
    "count": 1,
}
ROLLING = {**MONTH, "kind": "rolling", "unit": None, "count": None, "zone": None, "elapsed": 1.0}


def test_windows_have_the_names_that_people_use() -> None:
    assert window_name(ROLLING) == "rolling 30 d"
    assert window_name(MONTH) == "calendar month"
    assert window_name({**MONTH, "count": 2, "unit": "week"}) == "2 calendar weeks"


def test_a_calendar_window_says_how_much_of_it_is_counted() -> None:
    assert window_progress(MONTH) == "58.2 % of it is counted so far"
    late = {**MONTH, "counted_from": "2026-11-10T00:00:00.000000Z", "elapsed": 0.28}
    assert window_progress(late) == "28.0 % of it is counted so far, from the first event on"


def test_a_rolling_window_says_so_only_where_it_is_not_full_yet() -> None:
    assert window_progress(ROLLING) == ""
    young = {**ROLLING, "counted_from": "2026-11-10T00:00:00.000000Z", "elapsed": 0.28}
    assert window_progress(young) == "the first event came within it: 28.0 % of it is counted"


def test_what_a_window_may_come_to_is_called_an_estimate() -> None:
    found = {
        "method": "",
        "total": 20_000,
        "bad_allowed": 100,
        "bad_left": 40,
        "budget_left": 0.4,
    }
    assert extrapolated_words(found) == (
        "An estimate: if the rest of the window goes like the part so far, 20,000 are counted in"
        " the end, of which 100 may fail: 40 more (40 % left)."
    )
    spent = extrapolated_words({**found, "bad_left": -7, "budget_left": -0.07})
    assert spent.endswith("100 may fail: 7 too many have failed (over by 7 %).")
    assert extrapolated_words(None) == ""


def test_a_budget_that_lasts_to_the_end_of_its_calendar_window_is_not_said_to_be_gone() -> None:
    # 1 more may fail each 300 s: 8,640 last 30 days, the window ends in 12.5 days.
    points = [{"good": 0, "bad": 1}]
    slo = {"bad_left": 8_640, "target": 1.0, "window": MONTH, "slices": None}
    assert forecast(slo, points) == ""
    assert forecast({**slo, "bad_left": 288}, points) == "gone in 1 d at the rate of the last 5 min"


def test_the_window_before_is_told_with_its_verdict() -> None:
    found = {"sli": 0.9991, "budget_left": 0.1, "kept": True}
    assert previous_words(found, 2) == "99.91 % were good, 10 % left: kept"
    spent = {"sli": 0.9981, "budget_left": -0.9, "kept": False}
    assert previous_words(spent, 2) == "99.81 % were good, over by 90 %: not kept"
    assert previous_words({**found, "kept": None}, 2).endswith("too little was observed to say")
    assert previous_words({**found, "sli": None}, 2) == "nothing was counted in it"
    assert previous_words(None, 2) == ""
