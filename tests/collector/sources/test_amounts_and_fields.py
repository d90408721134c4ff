"""Money exactly or not at all, and only the fields that a shape names."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.sources import adyen_events, stripe_events
from collector.sources.amounts import from_decimal, from_integer
from collector.sources.keep import identifiers, kept
from kernel.money import exponent

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcdef"), inner, max_size=4)
    ),
    max_leaves=20,
)
SHAPE = {"a": True, "b": {"a": True, "c": {"d": True}}, "e": True}


@pytest.mark.parametrize(
    ("exponents", "value", "currency", "expected"),
    [
        (stripe_events.EXPONENTS, 1_000, "eur", (1_000, "EUR")),
        (stripe_events.EXPONENTS, 500, "jpy", (500, "JPY")),
        (stripe_events.EXPONENTS, 5_000, "kwd", (5_000, "KWD")),
        (stripe_events.EXPONENTS, 500, "mga", (50_000, "MGA")),
        (stripe_events.EXPONENTS, 500, "isk", (5, "ISK")),
        (stripe_events.EXPONENTS, 500, "ugx", (5, "UGX")),
        (stripe_events.EXPONENTS, 550, "isk", (None, "ISK")),
        (adyen_events.EXPONENTS, 1_000, "EUR", (1_000, "EUR")),
        (adyen_events.EXPONENTS, 99_900, "CLP", (999, "CLP")),
        (adyen_events.EXPONENTS, 999, "CVE", (99_900, "CVE")),
        (adyen_events.EXPONENTS, 15_000, "IDR", (1_500_000, "IDR")),
        (adyen_events.EXPONENTS, 279_000, "ISK", (2_790, "ISK")),
        ({}, True, "EUR", (None, "EUR")),
        ({}, 12.5, "EUR", (None, "EUR")),
        ({}, -1, "EUR", (None, "EUR")),
        ({}, 1 << 53, "EUR", (None, "EUR")),
        ({}, 1, "euros", (None, "")),
        ({}, 1, None, (None, "")),
    ],
)
def test_a_providers_smallest_unit_becomes_the_minor_unit_of_the_standard(
    exponents, value, currency, expected
):
    assert from_integer(value, currency, exponents) == expected


@given(
    minor=st.integers(min_value=0, max_value=10**12),
    currency=st.sampled_from(["EUR", "JPY", "KWD", "ISK", "CLP"]),
)
def test_decimal_texts_of_any_currency_come_out_as_they_went_in(minor, currency):
    text = str(Decimal(minor).scaleb(-exponent(currency)))
    assert from_decimal(f"{Decimal(text):f}", currency) == (minor, currency)


@pytest.mark.parametrize("odd", ["", "1e9999", "NaN", "-1", "1,50", "0.001", "9" * 40, 4.5, None])
def test_what_is_no_amount_is_none(odd):
    assert from_decimal(odd, "EUR") == (None, "EUR")


@given(document=JSON)
def test_only_named_fields_are_kept_whatever_comes(document):
    found = kept(document, SHAPE)
    assert found.keys() <= {"a", "b", "e"}
    inner = found.get("b", {})
    for one in inner if isinstance(inner, list) else [inner]:
        assert one.keys() <= {"a", "c"}
    assert kept(found, SHAPE) == found


def test_texts_and_lists_are_bounded():
    found = kept({"a": "word " * 300, "b": [{"a": 1}] * 90}, SHAPE)
    assert found["a"] == "word " * 100
    assert len(kept({"a": "x" * 900}, SHAPE)["a"]) <= 500
    assert len(found["b"]) == 50


def test_an_identifier_is_whole_or_not_at_all():
    named = identifiers(
        {"a": "x" * 201, "b": "x" * 200, "c": 7, "d": True, "e": "", "f": "a\nb", "g": None}
    )
    assert named == {"b": "x" * 200, "c": "7"}
