"""Alert windows of Sloth: factors in float64 as Sloth computes them, and files of one's own."""

from __future__ import annotations

import pytest

from kernel.errors import BadInput
from slo.rules.rule import duration_text, float_text
from slo.sloth import BUILT_IN, read_windows, sloth_groups
from slo.sloth.windows import prometheus_duration_s
from tests.shared_data import shared
from tests.slo.rules.promtool import written
from tests.slo.sloth.specs import reading, spec

DAY_S = 86_400


def factors(windows) -> list[str]:
    pairs = (windows.page_quick, windows.page_slow, windows.ticket_quick, windows.ticket_slow)
    return [float_text(pair.factor(windows.period_s)) for pair in pairs]


def example(name: str):
    (found,), problems = read_windows(
        shared(f"vectors/sloth/examples/windows/{name}.yaml").read_text(), name
    )
    assert problems == []
    return found


def test_factors_carry_the_float_artefacts_of_sloths_goldens() -> None:
    assert factors(BUILT_IN[30 * DAY_S]) == ["14.4", "6", "3", "1"]
    assert factors(BUILT_IN[28 * DAY_S]) == [
        "13.44",
        "5.6000000000000005",
        "2.8000000000000003",
        "0.9333333333333333",
    ]
    assert factors(example("7d")) == ["13.44", "3.5", "1.4000000000000001", "0.98"]
    assert factors(example("custom-30d")) == ["14.4", "4.8", "3", "1"]


@pytest.mark.real
def test_rules_of_own_windows_carry_their_names_and_promtool_accepts_them(tmp_path) -> None:
    slos = reading(spec()).slos
    windows = {30 * DAY_S: example("custom-30d")}
    groups = sloth_groups(slos, windows, compatible=True)
    names = [rule.record.rpartition("ratio_rate")[2] for rule in groups[0].rules]
    assert names == ["2m", "15m", "30m", "1h", "3h", "12h", "1d12h", "30d"]
    written(tmp_path, groups)


def test_a_period_without_windows_is_refused_with_the_next_step() -> None:
    with pytest.raises(BadInput, match="no alert windows for an SLO period of 30d") as caught:
        sloth_groups(reading(spec()).slos, {7 * DAY_S: example("7d")})
    assert "--windows" in str(caught.value.hint)


def test_every_fault_of_a_windows_file_is_told() -> None:
    text = """
apiVersion: sloth.slok.dev/v1
kind: AlertWindow
spec:
  sloPeriod: 7d
  page:
    quick: {errorBudgetPercent: 0, shortWindow: 1h, longWindow: 5m}
    slow: {errorBudgetPercent: 5, shortWindow: 30m, longWindow: 8d}
  ticket:
    quick: {errorBudgetPercent: 5, shortWindow: soon, longWindow: 1d}
    extra: 1
"""
    found, problems = read_windows(text)
    assert found == []
    told = "\n".join(map(str, problems))
    for reason in (
        '"AlertWindows" is wanted',
        "a number above 0",
        "must be below the longWindow",
        "must be below the sloPeriod",
        "a duration of Prometheus is wanted",
        "$.spec.ticket.slow: this field is missing",
        "$.spec.ticket.extra: unknown field",
    ):
        assert reason in told


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(300, "5m"), (7 * DAY_S, "1w"), (28 * DAY_S, "4w"), (30 * DAY_S, "30d"), (129_600, "1d12h")],
)
def test_durations_are_written_and_read_as_prometheus_does(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text
    assert prometheus_duration_s(text) == seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (99.9 / 100, "0.9990000000000001"),
        ((100 - 99.9) / 100, "0.0009999999999999432"),
        ((100 - 99.99) / 100, "0.00010000000000005117"),
        ((100 - 99.999) / 100, "1.0000000000047748e-05"),
        (28.0, "28"),
        (1e-5, "1e-05"),
    ],
)
def test_numbers_are_printed_as_go_prints_them(value: float, text: str) -> None:
    assert float_text(value) == text
