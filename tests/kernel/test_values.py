"""Time, money, ids: exact and without floats."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import DAY_US, FrozenClock, from_us, parse_rfc3339, rfc3339, to_us
from kernel.ids import uuid7
from kernel.money import exponent, format_money, is_currency

TIMES = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)


@given(TIMES)
def test_microseconds_survive_both_ways_exactly(at_us):
    assert to_us(from_us(at_us)) == at_us
    if at_us >= 0:
        assert parse_rfc3339(rfc3339(at_us)) == at_us


@given(st.integers(0, 4 * 10**15), st.integers(-14 * 60, 14 * 60))
def test_an_offset_changes_the_text_and_not_the_moment(at_us, minutes):
    zone = dt.timezone(dt.timedelta(minutes=minutes))
    assert parse_rfc3339(from_us(at_us).astimezone(zone).isoformat()) == at_us


@pytest.mark.parametrize(
    ("text", "rest_us"),
    [("Z", 0), (".5Z", 500_000), (".1234567Z", 123_456), (".000001Z", 1), ("+00:00", 0)],
)
def test_fractions_of_any_length_are_cut_at_microseconds(text, rest_us):
    assert parse_rfc3339("2026-11-22T12:00:00" + text) % 1_000_000 == rest_us


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-22", "2026-11-22T12:00:00", "2026-11-22T12:00:00.5", "2026-13-01T00:00:00Z",
     "2026-11-22T12:00:00+25:00", "x" * 30, "2026-11-22T12:00:00.Z5"],
)  # fmt: skip
def test_a_time_without_its_place_on_the_line_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_rfc3339(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_nothing_could_write_again_is_refused(text):
    with pytest.raises(ValueError, match="outside of the years"):
        parse_rfc3339(text)


def test_a_naive_datetime_is_refused():
    with pytest.raises(ValueError, match="zone"):
        to_us(dt.datetime(2026, 1, 1))


def test_a_frozen_clock_moves_only_when_told():
    clock = FrozenClock()
    before = (clock.now_us(), clock.monotonic_s())
    assert (clock.now_us(), clock.monotonic_s()) == before
    clock.advance_s(1.5)
    assert (clock.now_us(), clock.monotonic_s()) == (before[0] + 1_500_000, before[1] + 1.5)
    clock.set_us(before[0] - DAY_US)
    assert clock.monotonic_s() == before[1] + 1.5


@given(st.integers(-(10**15), 10**15))
def test_money_is_shown_exactly(amount_minor):
    shown = format_money(amount_minor, "EUR").removesuffix(" EUR").replace(",", "")
    whole, _, cents = shown.partition(".")
    sign = -1 if shown.startswith("-") else 1
    assert sign * (abs(int(whole)) * 100 + int(cents)) == amount_minor
    assert len(cents) == 2


def test_currencies_have_their_own_number_of_digits():
    assert format_money(1234567, "EUR") == "12,345.67 EUR"
    assert format_money(1234567, "JPY") == "1,234,567 JPY"
    assert format_money(1234567, "KWD") == "1,234.567 KWD"
    assert format_money(-5, "USD") == "-0.05 USD"
    assert [exponent(code) for code in ("EUR", "JPY", "KWD")] == [2, 0, 3]


@pytest.mark.parametrize("code", ["eur", "EU", "EURO", "E1R", "EUR\n", "", "ÄÖÜ"])
def test_only_three_capitals_are_a_currency(code):
    assert not is_currency(code)
    assert is_currency("EUR")


def test_ids_are_version_7_unique_and_sorted_by_time():
    clock = FrozenClock()
    ids = []
    for _ in range(200):
        ids.append(uuid7(clock))
        clock.advance_s(0.001)
    assert ids == sorted(set(ids))
    for one in ids:
        parsed = uuid.UUID(one)
        assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert uuid.UUID(ids[0]).int >> 80 == FrozenClock().now_us() // 1000
