"""Counter reset and first sample: Prometheus guesses, own counting is exact.

`increase` loses what a series holds when it is first seen, counts on after a reset, and
extrapolates to fractions. Our counters are there with a zero before the first unit.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from slo.rules.counters import UnitCounters
from slo.rules.rule import Rule, RuleGroup
from tests.slo.rules.promtool import Replay, written
from tests.slo.shop_till import Till, all_fail

ANY = [RuleGroup("any", [Rule("vector(1)", record="any:one")])]


def increase(folder: Path, values: str, window: str = "10m") -> float:
    replay = Replay(written(folder, ANY), {"failures_total": values})
    return float(replay.value(f"increase(failures_total[{window}])", "10m"))


@pytest.mark.real
def test_prometheus_loses_what_a_new_series_begins_with(tmp_path: Path) -> None:
    assert increase(tmp_path, "_ _ _ 7 7 7 7 7 7 7 7") == 0
    assert increase(tmp_path, "0 0 0 7 7 7 7 7 7 7 7") == 7


@pytest.mark.real
def test_prometheus_takes_a_fall_for_a_restart(tmp_path: Path) -> None:
    """A counter from which one unit is taken back looks like a hundred more."""
    assert increase(tmp_path, "100 100 100 100 100 99 99 99 99 99 99") == 99
    assert increase(tmp_path, "100 100 100 100 100 100 100 3 3 3 3") == 3


@pytest.mark.real
def test_prometheus_extrapolates_to_fractions(tmp_path: Path) -> None:
    assert increase(tmp_path, "10 10 11 11 11 11 11 12 12 12 _") not in (2, 0)


def test_our_counters_begin_at_zero_and_lose_nothing(tmp_path: Path) -> None:
    till = Till(tmp_path)
    counters = UnitCounters(till.reader, till.catalogue)
    till.listeners.append(counters.put)
    (flow,) = counters.flows().values()
    assert set(flow.entered.values()) == {0}
    till.play(30, per_s=2)
    till.play(10, per_s=2, fails=all_fail)
    (flow,) = counters.flows().values()
    counts = till.service.show("payment-success").counts
    assert (flow.entered["good"], flow.entered["bad"]) == (counts.good, counts.bad)
    assert set(flow.taken_back.values()) == {0}
    till.database.close()


def test_after_a_restart_they_begin_at_zero_again_as_prometheus_expects(tmp_path: Path) -> None:
    till = Till(tmp_path)
    till.play(30, per_s=2)
    (flow,) = UnitCounters(till.reader, till.catalogue).flows().values()
    assert set(flow.entered.values()) == {0}
    till.database.close()
