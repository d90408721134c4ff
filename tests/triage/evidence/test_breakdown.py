"""The breakdown finds the narrowest explanation, and none where there is none."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.evidence.breakdown import break_down
from triage.evidence.significance import benjamini_hochberg, enrichment_p


@dataclass(frozen=True)
class Row:
    bad: bool
    fields: dict[str, str] = field(default_factory=dict)


REGIONS = {"eu-central": ["DE", "AT", "CH"], "eu-west": ["FR", "NL"], "us-east": ["US", "CA"]}


def traffic(seed: int, rows: int, fails) -> list[Row]:
    """Random traffic; `fails(fields)` is the chance of failing."""
    draw = random.Random(seed)
    found = []
    for n in range(rows):
        region = draw.choice(list(REGIONS))
        fields = {
            "provider": draw.choice(["adyen", "stripe"]),
            "region": region,
            "country": draw.choice(REGIONS[region]),
            "method": draw.choice(["card", "card", "redirect"]),
            "attributes.promo": draw.choice(["none", "none", "SPRING"]),
            "attributes.order": str(n),
        }
        bad = draw.random() < fails(fields)
        if bad:
            fields["error_type"] = "timeout"
            fields["attributes.exception"] = "Boom"
        found.append(Row(bad, fields))
    return found


def matches(**wanted: str):
    def rate(fields: dict[str, str]) -> float:
        return 0.85 if all(fields[name] == value for name, value in wanted.items()) else 0.004

    return rate


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "wanted",
    [
        {"provider": "adyen"},
        {"region": "eu-central"},
        {"country": "DE"},
        {"attributes.promo": "SPRING"},
        {"provider": "adyen", "region": "eu-central"},
        {"provider": "stripe", "method": "redirect"},
        {"region": "us-east", "attributes.promo": "SPRING"},
        {"provider": "adyen", "region": "eu-west", "method": "card"},
    ],
)
def test_the_slice_that_fails_is_found_exactly(seed, wanted):
    found = break_down(traffic(seed, 1500, matches(**wanted)), 0.004)
    assert found.blamed is not None
    assert dict(found.blamed.parts) == wanted
    assert found.blamed.explained >= 0.8


@pytest.mark.parametrize("seed", range(20))
def test_where_everything_fails_alike_nothing_is_blamed(seed):
    assert break_down(traffic(seed, 800, lambda _: 0.3), 0.01).blamed is None


def test_two_regions_that_fail_are_not_blamed_on_one_of_them():
    def fails(fields: dict[str, str]) -> float:
        return 0.8 if fields["provider"] == "adyen" and fields["region"] != "us-east" else 0.0

    found = break_down(traffic(3, 2000, fails))
    assert found.blamed is not None
    assert found.blamed.parts == (("provider", "adyen"),)


def test_fields_that_only_bad_units_carry_say_how_it_fails_and_are_never_the_cause():
    found = break_down(traffic(1, 1500, matches(provider="adyen")), 0.004)
    assert {mode.field for mode in found.modes} == {"error_type", "attributes.exception"}
    assert not any("error" in name for one in found.slices for name, _ in one.parts)


def test_an_identifier_is_no_attribute():
    found = break_down(traffic(1, 500, matches(provider="adyen")), 0.004)
    assert found.skipped_fields == ("attributes.order",)


def test_the_same_units_under_another_name_are_told_beside_the_first():
    rows = traffic(5, 1200, matches(region="eu-central"))
    for row in rows:
        row.fields["attributes.zone"] = f"z-{row.fields['region']}"
    found = break_down(rows, 0.004)
    assert found.blamed is not None
    assert found.blamed.parts == (("region", "eu-central"),)
    assert found.also == (("attributes.zone", "z-eu-central"),)


@pytest.mark.parametrize("rows", [[], [Row(True)], [Row(False)], [Row(True, {"a": "b"})] * 9])
def test_too_little_to_compare_blames_nothing(rows):
    found = break_down(rows)
    assert found.blamed is None
    assert found.total == len(rows)


def test_the_usual_background_is_not_an_excess():
    rows = [Row(n % 10 == 0, {"provider": "adyen" if n % 2 else "stripe"}) for n in range(400)]
    assert break_down(rows, base_rate=0.2).blamed is None


values = st.sampled_from(["a", "b", "c"])
row = st.builds(
    Row, st.booleans(), st.dictionaries(st.sampled_from(["x", "y", "z"]), values, max_size=3)
)


@given(st.lists(row, max_size=60), st.floats(min_value=0, max_value=1))
def test_counts_always_add_up(rows, base_rate):
    found = break_down(rows, base_rate)
    for one in found.slices:
        held = [r for r in rows if all(r.fields.get(n) == v for n, v in one.parts)]
        assert one.total_in == len(held)
        assert one.bad_in == sum(r.bad for r in held)
        assert 0 <= one.explained <= 1
        assert one.p_value <= one.q_value <= 1


@given(st.lists(row, max_size=60), st.randoms())
def test_the_order_of_rows_does_not_matter(rows, shuffler):
    mixed = list(rows)
    shuffler.shuffle(mixed)
    assert break_down(mixed) == break_down(rows)


@given(st.data())
def test_the_exact_test_is_the_hypergeometric_tail(data):
    total = data.draw(st.integers(1, 60))
    bad = data.draw(st.integers(0, total))
    total_in = data.draw(st.integers(0, total))
    bad_in = data.draw(st.integers(max(0, total_in + bad - total), min(bad, total_in)))
    tail = sum(
        Fraction(comb(bad, k) * comb(total - bad, total_in - k), comb(total, total_in))
        for k in range(bad_in, min(bad, total_in) + 1)
    )
    assert enrichment_p(bad_in, total_in, bad, total) == pytest.approx(float(tail), rel=1e-9)


def test_the_normal_tail_is_near_the_exact_one_where_it_is_used():
    exact = sum(
        Fraction(comb(400, k) * comb(600, 300 - k), comb(1000, 300)) for k in range(135, 301)
    )
    assert enrichment_p(135, 300, 400, 1000) == pytest.approx(float(exact), rel=0.05)


@pytest.mark.parametrize("table", [(5, 3, 5, 10), (-1, 3, 5, 10), (1, 11, 5, 10)])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(ValueError, match="2 x 2"):
        enrichment_p(*table)


@given(st.lists(st.floats(min_value=0, max_value=1), max_size=30))
def test_adjusted_p_values_keep_the_order_and_never_shrink(p_values):
    adjusted = benjamini_hochberg(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= 1
    ranked = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[n] for n in ranked] == sorted(adjusted)


def test_adjusted_p_values_of_a_worked_example():
    adjusted = benjamini_hochberg([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.02, 0.04, 0.04, 0.02])
