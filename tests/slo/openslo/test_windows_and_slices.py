"""`timeWindow`, the budgeting methods and their slices."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from slo.objective import Calendar, TimeSlices, Window
from slo.openslo import read_openslo
from slo.openslo.durations import duration_text, duration_us
from tests.slo.openslo.samples import GOOD, changed, faults

ROLLING = "[{duration: 28d, isRolling: true}]"
WINDOW = "$.spec.timeWindow[0]"
FIRST = "$.spec.objectives[0]"


def window(text: str) -> str:
    return changed((ROLLING, text))


def calendar(duration: str, start: str = "2026-01-31 09:30:00", zone: str = "Europe/Berlin") -> str:
    words = f"calendar: {{startTime: {start}, timeZone: {zone}}}"
    return window(f"[{{duration: {duration}, isRolling: false, {words}}}]")


def sliced(method: str, words: str) -> str:
    return changed(("Occurrences", method), ("target: 0.999", f"target: 0.999{words}"))


@pytest.mark.parametrize(
    ("duration", "unit", "count", "nominal_d"),
    [
        ("1d", "D", 1, 1),
        ("2w", "W", 2, 14),
        ("1M", "M", 1, 30),
        ("1Q", "Q", 1, 90),
        ("1Y", "Y", 1, 365),
    ],
)
def test_a_calendar_window_is_read(duration: str, unit: str, count: int, nominal_d: int) -> None:
    [one] = read_openslo(calendar(duration)).objectives
    start = datetime(2026, 1, 31, 9, 30)
    assert one.window == Window(nominal_d * DAY_US, Calendar(unit, count, start, "Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        (calendar("1m"), f"{WINDOW}.duration", "M a month"),
        (calendar("12h"), f"{WINDOW}.duration", "is made of d, w, M, Q or Y"),
        (calendar("0M"), f"{WINDOW}.duration", "zero"),
        (calendar("2Y"), f"{WINDOW}.duration", "400 days"),
        (calendar("1M", zone="Europe/Berlim"), f"{WINDOW}.calendar.timeZone", "IANA"),
        (calendar("1M", zone="../etc"), f"{WINDOW}.calendar.timeZone", "IANA"),
        (calendar("1M", start="2026-02-30 00:00:00"), f"{WINDOW}.calendar.startTime", "wall"),
        (calendar("1M", start="2026-1-1 00:00:00"), f"{WINDOW}.calendar.startTime", "YYYY"),
        (calendar("1M", start="2026-01-01"), f"{WINDOW}.calendar.startTime", "wall clock"),
        (window("[{duration: 1M, isRolling: true}]"), f"{WINDOW}.duration", "calendar window"),
        (window("[{duration: 401d, isRolling: true}]"), f"{WINDOW}.duration", "400 days"),
        (window("[{duration: 0w, isRolling: true}]"), f"{WINDOW}.duration", "zero"),
        (window("[{duration: -1w, isRolling: true}]"), f"{WINDOW}.duration", "not a duration"),
        (window('[{duration: "", isRolling: true}]'), f"{WINDOW}.duration", "not a duration"),
        (window("[{duration: 28d}]"), WINDOW, "exactly one of isRolling"),
        (window("[{isRolling: true}]"), f"{WINDOW}.duration", "missing"),
        (window("[]"), "$.spec.timeWindow", "exactly one window"),
        (window(f"[{ROLLING[1:-1]}, {ROLLING[1:-1]}]"), "$.spec.timeWindow", "exactly one window"),
        (
            calendar("1M").replace("isRolling: false", "isRolling: true"),
            WINDOW,
            "exactly one of isRolling",
        ),
    ],
)
def test_a_window_that_means_nothing_is_refused(text: str, place: str, word: str) -> None:
    assert word in faults(text)[place]


def test_the_rolling_month_is_refused_because_it_has_no_length() -> None:
    found = faults(window("[{duration: 1M, isRolling: true}]"))
    assert "no fixed length" in found[f"{WINDOW}.duration"]


def test_time_slices_are_read() -> None:
    words = ", timeSliceTarget: 0.95, timeSliceWindow: 5m"
    [one] = read_openslo(sliced("Timeslices", words)).objectives
    assert one.slices == TimeSlices(5 * MINUTE_US, Fraction(19, 20))


def test_ratio_time_slices_are_read() -> None:
    [one] = read_openslo(sliced("RatioTimeslices", ", timeSliceWindow: 1h")).objectives
    assert one.slices == TimeSlices(HOUR_US)


@pytest.mark.parametrize(
    ("method", "words", "places"),
    [
        ("Timeslices", "", ["timeSliceTarget", "timeSliceWindow"]),
        ("Timeslices", ", timeSliceTarget: 0, timeSliceWindow: 1m", ["timeSliceTarget"]),
        ("Timeslices", ", timeSliceTarget: 1.1, timeSliceWindow: 1m", ["timeSliceTarget"]),
        ("Timeslices", ", timeSliceTarget: a, timeSliceWindow: 1m", ["timeSliceTarget"]),
        ("Timeslices", ", timeSliceTarget: 1, timeSliceWindow: 7m", ["timeSliceWindow"]),
        ("Timeslices", ", timeSliceTarget: 1, timeSliceWindow: 2d", ["timeSliceWindow"]),
        ("Timeslices", ", timeSliceTarget: 1, timeSliceWindow: 0m", ["timeSliceWindow"]),
        ("RatioTimeslices", "", ["timeSliceWindow"]),
        (
            "RatioTimeslices",
            ", timeSliceTarget: 0.9, timeSliceWindow: 1m",
            ["timeSliceTarget"],
        ),
        (
            "Occurrences",
            ", timeSliceTarget: 0.9, timeSliceWindow: 1m",
            ["timeSliceTarget", "timeSliceWindow"],
        ),
    ],
)
def test_the_fields_of_a_method_are_required_and_those_of_another_forbidden(
    method: str, words: str, places: list[str]
) -> None:
    assert list(faults(sliced(method, words))) == [f"{FIRST}.{name}" for name in places]


def test_a_slice_longer_than_its_window_is_refused() -> None:
    text = sliced("RatioTimeslices", ", timeSliceWindow: 1d").replace("28d", "12h")
    assert "longer than the window of 12h" in str(faults(text))


@pytest.mark.parametrize("text", ["28d", "90m", "36h", "10s", "400d"])
def test_a_length_is_written_as_it_is_read(text: str) -> None:
    assert duration_text(duration_us(text, seconds=True)) == text


def test_each_of_several_objectives_has_its_own_name_and_target() -> None:
    lines = "[{displayName: Good, target: 0.99}, {displayName: Very good, target: 0.999}]"
    text = changed(("[{displayName: 99.9 %, target: 0.999}]", lines))
    found = read_openslo(text).objectives
    assert [(one.id, one.display_name, one.target) for one in found] == [
        ("payment-success-good", "Payments succeed: Good", Fraction(99, 100)),
        ("payment-success-very-good", "Payments succeed: Very good", Fraction(999, 1000)),
    ]


@pytest.mark.parametrize("title", ["displayName: Good, ", "", 'displayName: "%", '])
def test_objectives_without_a_name_of_their_own_have_numbers(title: str) -> None:
    lines = f"[{{{title}target: 0.99}}, {{{title}target: 0.999}}]"
    text = changed(("[{displayName: 99.9 %, target: 0.999}]", lines))
    names = [one.id for one in read_openslo(text).objectives]
    assert names == ["payment-success-1", "payment-success-2"]


def test_an_objective_whose_name_another_slo_has_is_refused() -> None:
    lines = "[{target: 0.99}, {target: 0.999}]"
    first = changed(("[{displayName: 99.9 %, target: 0.999}]", lines))
    second = GOOD.replace("name: payment-success\n", "name: payment-success-2\n", 1)
    for text in (f"{first}\n---{second}", f"{second}\n---{first}"):
        assert "payment-success-2 stands in" in str(faults(text))


def test_a_composite_is_counted_one_by_one_and_says_so() -> None:
    head, rest = GOOD.split("  indicator:\n")
    indicator, tail = rest.split("  timeWindow:")
    own = ("indicator:\n" + indicator).replace("\n", "\n    ").rstrip()
    lines = f"""
    - displayName: Paid
      target: 0.99
      compositeWeight: 2
      {own}
    - displayName: Paid too
      target: 0.9
      compositeWeight: 1
      {own}
"""
    tail = tail.replace(" [{displayName: 99.9 %, target: 0.999}]", lines)
    reading = read_openslo(f"{head}  timeWindow:{tail}")
    assert reading.problems == []
    assert [one.id for one in reading.objectives] == [
        "payment-success-paid",
        "payment-success-paid-too",
    ]
    assert len([note for note in reading.notes if "compositeWeight" in note]) == 2
    text = f"{head}  timeWindow:{tail}".replace("compositeWeight: 1", "compositeWeight: 0")
    assert "above 0" in faults(text)["$.spec.objectives[1].compositeWeight"]


def test_an_indicator_stands_at_one_place_only() -> None:
    text = changed(("{displayName: 99.9 %, target", "{indicatorRef: paid, target"))
    assert "one place is wanted" in faults(text)["$.spec"]
    text = changed(("  indicator:\n", "  indicatorRef: paid\n  indicator:\n"))
    assert "exactly one of indicator and indicatorRef" in faults(text)["$.spec"]
    head, _, rest = GOOD.partition("  indicator:\n")
    tail = rest.partition("  timeWindow:")[2]
    assert "here or at each objective" in faults(f"{head}  timeWindow:{tail}")["$.spec"]
