"""V9: indicator 94.946 %, target 94 %: spent 84.23 %, left 15.77 %, burn 0.842."""

from fractions import Fraction

import pytest

from slo.budget import Budget
from slo.burn_rate import burn_rate

BUDGET = 1 - Fraction("0.94")


def test_v9_spent_left_and_burn_agree() -> None:
    found = Budget(bad=5054, total=100_000, ratio=BUDGET)
    assert found.sli == Fraction("0.94946")
    assert float(found.left) == pytest.approx(0.1577, abs=5e-5)
    assert float(1 - found.left) == pytest.approx(0.8423, abs=5e-5)
    assert burn_rate(5054, 100_000, BUDGET) == 1 - found.left
