"""Maximum burn: a total outage burns at 1 / (1 - target); a written factor above is refused."""

from __future__ import annotations

import pytest

from slo.openslo import read_openslo
from tests.slo.openslo.samples import changed, faults

PLACE = "$.metadata.annotations['tillwatch/tiers']"


def written(target: str, factor: str) -> str:
    tiers = f'tillwatch/tiers: "quick: 1h/5m x{factor} page"'
    return changed(("tillwatch/owner: payments", tiers), ("target: 0.999", f"target: {target}"))


@pytest.mark.parametrize(
    ("target", "factor", "most"),
    [("0.9", "14.4", "10"), ("0.9", "10.0001", "10"), ("0", "1.1", "1"), ("0.99", "101", "100")],
)
def test_a_factor_that_can_never_be_reached_is_refused(target: str, factor: str, most: str) -> None:
    text = faults(written(target, factor))[PLACE]
    assert f"the factor {factor.rstrip('0')} can never be reached" in text
    assert f"a total outage burns at {most}" in text


@pytest.mark.parametrize(("target", "factor"), [("0.9", "10"), ("0", "1"), ("0.99", "100")])
def test_the_burn_of_a_total_outage_itself_can_be_reached(target: str, factor: str) -> None:
    assert len(read_openslo(written(target, factor)).objectives) == 1
