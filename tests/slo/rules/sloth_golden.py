"""Sloth's own golden of its first example, our rules for the same spec, and our own counters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from kernel.clock import DAY_US
from slo.objective import Window
from slo.rules.own import own_groups
from slo.sloth import BUILT_IN, read_sloth, sloth_groups
from tests.shared_data import shared
from tests.slo.rules.promtool import Replay, check_rules, written
from tests.slo.shop_till import payments

ALERT = "MyServiceHighErrorRate"
OWN_ALERT = "TillwatchBudgetBurn"
_SERIES = 'http_request_duration_seconds_count{{job="myservice",code="{code}"}}'
_OWN = 'tillwatch_slo_units_total{{objective="payment-success",service="payments",outcome="{0}"}}'
_BACK = _OWN.replace("units_total", "units_taken_back_total")


def requests(good: str, bad: str) -> Mapping[str, str]:
    """The series that the example's queries ask, in promtool's notation."""
    return {_SERIES.format(code="200"): good, _SERIES.format(code="500"): bad}


def golden(folder: Path) -> Path:
    """Sloth's own rules, unchanged."""
    path = folder / "golden.yml"
    path.write_text(shared("vectors/sloth/examples/_gen/getting-started.yml").read_text())
    check_rules(path)
    return path


def weighted(folder: Path) -> Path:
    """What we make of the same spec by default."""
    text = shared("vectors/sloth/examples/getting-started.yml").read_text()
    return written(folder, sloth_groups(read_sloth(text).slos, BUILT_IN), "weighted.yml")


def own(folder: Path, good: str, bad: str, *, min_bad_events: int = 5) -> Replay:
    """The same promise (99.9 % over 30 days) as an objective of ours, over our counters."""
    objective = replace(
        payments("0.999"), window=Window(30 * DAY_US), min_bad_events=min_bad_events
    )
    assert objective.target == Fraction(999, 1000)
    rules = written(folder, own_groups([objective]).groups, "own.yml")
    flat = "0x" + str(len(good.split()) + 20_000)
    series = {
        _OWN.format("good"): good,
        _OWN.format("bad"): bad,
        **{_BACK.format(outcome): flat for outcome in ("good", "bad")},
    }
    return Replay(rules, series)
