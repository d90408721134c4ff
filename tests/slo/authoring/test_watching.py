"""What pages when, told before it does: by the formulas that alert."""

from fractions import Fraction

import pytest

from kernel.clock import DAY_US
from slo.authoring.watching import watch_of
from slo.authoring.watching_cli import render
from slo.objective import Window, WrittenTier
from slo.tiers import WindowCounts, fires, tiers_of
from tests.slo.shop_till import payments


def test_an_outage_trips_the_first_tier_of_99_5_percent_in_four_minutes() -> None:
    first = watch_of(payments("0.995"))["tiers"][0]
    assert (first["tier"], first["factor"], first["page"]) == ("1h", pytest.approx(13.44), True)
    assert first["trips_s"]["all"] == pytest.approx(241.92)
    assert first["trips_s"]["fifteen"] == pytest.approx(241.92 / 0.15)
    assert first["share_spent"] == pytest.approx(0.02)


@pytest.mark.parametrize("target", ["0.9", "0.99", "0.995", "0.999"])
def test_the_told_time_is_the_one_at_which_the_tier_fires(target: str) -> None:
    """Ten attempts a second, all failing after a clean past: second by second through the rule."""
    one = payments(target)
    for tier, told in zip(tiers_of(one), watch_of(one)["tiers"], strict=True):

        def is_tripped(bad_s: int, tier=tier) -> bool:
            long, short = 10 * tier.long_s, 10 * tier.short_s
            bad = 10 * bad_s
            counts = WindowCounts(min(bad, long), long, min(bad, short), short)
            return fires(tier, counts, one.budget_ratio, 5)

        trips_s = told["trips_s"]["all"]
        assert is_tripped(int(trips_s) + 1)
        assert not is_tripped(int(trips_s) - 1)


def test_a_fault_below_the_threshold_never_trips_it() -> None:
    tiers = watch_of(payments("0.9"))["tiers"]
    assert [one["trips_s"]["fifteen"] is None for one in tiers] == [True, True, True, False]
    assert "never" in render(watch_of(payments("0.9")))


def test_a_lowered_tier_and_written_ones_are_told_as_they_are() -> None:
    assert "so 8 is used" in " ".join(watch_of(payments("0.9"))["notes"])
    written = (WrittenTier("quick", 3600, 300, Fraction(10), page=True),)
    found = watch_of(payments("0.995", tiers=written, fast_tier=False))
    assert [one["tier"] for one in found["tiers"]] == ["quick"]
    assert (found["fast_tier"], found["notes"]) == (None, [])
    assert "The fast tier is off." in render(found)


@pytest.mark.parametrize("target", ["0.9", "0.99999"])
def test_a_terminal_of_80_columns_holds_it(target: str) -> None:
    text = render(watch_of(payments(target, window=Window(90 * DAY_US))))
    assert max(len(line) for line in text.splitlines()) <= 80
