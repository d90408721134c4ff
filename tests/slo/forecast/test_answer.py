"""The forecast in `slo show`, from a real ledger with nine days in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from typer.testing import CliRunner

from slo.cli import build_cli
from slo.forecast.schemas import ForecastOut
from slo.objective import Calendar, Objective, TimeSlices, Window
from slo.service import SloService
from tests.slo.shop_till import Till, nothing_fails, payments

PER_HOUR = 8


def days_of(
    tmp_path: Path, objective: Objective, days: int, fails: Callable[[str, str], bool]
) -> Till:
    """A till with so many days of a few attempts an hour behind it."""
    till = Till(tmp_path, [objective])
    for _ in range(days * 24):
        start_us = till.clock.now_us()
        till.arrive([till.attempt(start_us + n, fails, ("stripe",)) for n in range(PER_HOUR)])
        till.clock.advance_s(3600)
    till.play(300, per_s=0.2, evaluate=False)
    return till


def forecast(till: Till) -> ForecastOut:
    found = till.service.show("payment-success").forecast
    assert found is not None
    return found


def every(n: int) -> Callable[[str, str], bool]:
    """Each n-th attempt fails."""
    count = iter(range(10**9))
    return lambda _provider, _country: next(count) % n == n - 1


def test_a_young_till_cannot_tell(tmp_path: Path) -> None:
    till = Till(tmp_path)
    till.play(600, evaluate=False)
    found = forecast(till)
    assert (found.state, found.reason) == ("unknown", "less than a day was counted so far")
    till.silence(600)
    assert "nothing heard from shop" in forecast(till).reason
    assert till.service.list()[0].forecast is None


def test_nine_days_give_a_pace_and_an_interval(tmp_path: Path) -> None:
    till = days_of(tmp_path, payments("0.8", max_gap_s=7200), 9, every(8))
    found = forecast(till)
    assert (found.state, found.interval, found.burning) == ("lasts", True, False)
    assert found.sentence.startswith("At this pace the budget lasts 28 days and longer")


def test_an_outage_on_nine_calm_days_ends_the_budget_soon(tmp_path: Path) -> None:
    till = days_of(tmp_path, payments("0.8", max_gap_s=7200), 9, every(8))
    till.play(60, per_s=1, fails=lambda *_: True, evaluate=False)
    found = forecast(till)
    assert (found.state, found.burning) == ("ends", True)
    assert found.at_pace_s is not None
    assert found.at_pace_s < 28 * 86_400
    till.play(60, per_s=10, fails=lambda *_: True, evaluate=False)
    assert (forecast(till).state, forecast(till).sentence) == ("spent", "The budget is spent.")


def test_a_calendar_window_is_looked_at_to_its_end(tmp_path: Path) -> None:
    week = Calendar("W", 1, datetime(2001, 1, 1), "UTC")
    objective = payments("0.8", max_gap_s=7200, window=Window(7 * 86_400_000_000, week))
    found = forecast(days_of(tmp_path, objective, 9, nothing_fails))
    assert found.state == "lasts"
    assert 0 < found.ahead_s <= 7 * 86_400
    assert "to the end of the window" in found.sentence


def test_budgets_in_slices_of_time_say_that_they_cannot_tell(tmp_path: Path) -> None:
    objective = payments("0.8", slices=TimeSlices(60_000_000))
    till = Till(tmp_path, [objective])
    till.play(600, evaluate=False)
    assert "slices of time" in forecast(till).sentence


def test_the_command_shows_the_sentence(tmp_path: Path) -> None:
    till = Till(tmp_path)
    till.play(600, evaluate=False)

    @contextmanager
    def opener(_: Path | None) -> Iterator[SloService]:
        yield till.service

    shown = CliRunner().invoke(build_cli(opener), ["show", "payment-success"])
    assert "How long the budget lasts cannot be told" in shown.stdout
