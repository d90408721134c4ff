"""Figures in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.wording import rarity_text, span_text


@pytest.mark.parametrize(
    ("probability", "text"),
    [
        (1.0, "once in 1 times"),
        (0.0000251, "once in 39,840 times"),
        (1e-6, "once in 1 million times"),
        (5.5e-11, "once in 18 billion times"),
        (3e-14, "once in 33 trillion times"),
        (9e-16, "practically never"),
        (0.0, "practically never"),
    ],
)
def test_a_probability_reads_as_one_time_in_so_many(probability: float, text: str) -> None:
    assert rarity_text(probability) == text


@given(st.floats(min_value=0, max_value=1))
def test_law_no_exponent_is_ever_shown(probability: float) -> None:
    assert "e-" not in rarity_text(probability)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (45, "45 s"),
        (119, "119 s"),
        (300, "5 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_800, "2 d"),
    ],
)
def test_a_span_is_told_in_the_unit_that_people_would_use(seconds: int, text: str) -> None:
    assert span_text(seconds) == text
