"""The tail against exact fractions, against its own definition, and the study's vectors."""

from fractions import Fraction
from math import comb, exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.negative_binomial import lower_tail, quantile


def exact_tail(at_most: int, mean: Fraction, shape: int) -> Fraction:
    """P(X <= at_most) for dispersion 1 / shape, as a sum of exact fractions."""
    p = Fraction(shape) / (shape + mean)
    return p**shape * sum(comb(k + shape - 1, k) * (1 - p) ** k for k in range(at_most + 1))


@given(
    at_most=st.integers(0, 80),
    mean=st.fractions(Fraction(1, 10), 120, max_denominator=20),
    shape=st.sampled_from([1, 5, 20, 50]),
)
def test_the_tail_equals_the_sum_of_exact_fractions(at_most: int, mean: Fraction, shape: int):
    wanted = float(exact_tail(at_most, mean, shape))
    assert lower_tail(at_most, float(mean), 1 / shape) == pytest.approx(wanted, rel=1e-10)


def test_nothing_at_all_has_the_closed_form_of_the_study():
    for mean in (10.0, 17.0, 17.2, 60.0, 6000.0):
        wanted = (1 + 0.03 * mean) ** (-1 / 0.03)
        assert lower_tail(0, mean, 0.03) == pytest.approx(wanted, rel=1e-12)
    assert lower_tail(0, 17.0, 0.03) > 1e-6 > lower_tail(0, 17.2, 0.03)


def test_a_drop_to_thirty_percent_is_told_from_a_mean_of_about_113_on():
    assert lower_tail(33, 108.0, 0.03) > 1e-6
    assert lower_tail(33, 113.0, 0.03) <= 1e-6


@given(mean=st.floats(0.5, 1e6), dispersion=st.floats(0.01, 0.2), share=st.floats(0.01, 0.99))
def test_the_quantile_is_the_first_count_that_reaches_its_share(
    mean: float, dispersion: float, share: float
):
    found = quantile(share, mean, dispersion)
    assert lower_tail(found, mean, dispersion) >= share
    assert lower_tail(found - 1, mean, dispersion) < share


@given(mean=st.floats(1, 1e6), less=st.integers(0, 1000), more=st.integers(0, 1000))
def test_more_seen_is_never_less_likely_to_be_undercut(mean: float, less: int, more: int):
    assert lower_tail(less, mean, 0.03) <= lower_tail(less + more, mean, 0.03) + 1e-12


def test_with_hardly_any_dispersion_it_is_the_poisson_tail():
    assert lower_tail(0, 5.0, 1e-7) == pytest.approx(exp(-5), rel=1e-5)


@pytest.mark.parametrize(("mean", "dispersion"), [(-1.0, 0.03), (1.0, 0.0)])
def test_numbers_without_meaning_are_refused(mean: float, dispersion: float):
    with pytest.raises(ValueError, match="mean"):
        lower_tail(0, mean, dispersion)
