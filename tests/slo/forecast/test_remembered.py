"""The interval of a forecast is drawn at most once a minute, and anew where its hours changed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from kernel.clock import DAY_US, HOUR_US
from slo.catalogue import Catalogue
from slo.forecast.schemas import ForecastOut
from slo.ledger import LedgerMemory, LedgerReader
from slo.objective import Objective
from slo.service import SloService
from tests.slo.corrections.people import ADA, BEN, asked, corrections_of
from tests.slo.forecast.test_answer import PER_HOUR, days_of
from tests.slo.history import attempts
from tests.slo.shop_till import Till, payments


class Shown(NamedTuple):
    """A till, and one memory for all that is asked of it."""

    till: Till
    memory: LedgerMemory

    def service(self, memory: LedgerMemory | None, objective: Objective | None) -> SloService:
        till = self.till
        catalogue = Catalogue([objective]) if objective else till.catalogue

        def reader() -> LedgerReader:
            return LedgerReader(till.path, memory)

        return SloService(till.database, reader, catalogue, till.clock)

    def remembered(self, objective: Objective | None = None) -> ForecastOut | None:
        return self.service(self.memory, objective).show("payment-success").forecast

    def fresh(self, objective: Objective | None = None) -> ForecastOut | None:
        return self.service(None, objective).show("payment-success").forecast


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    """Five days without a failure, and four in which one of five fails: that cannot last."""
    number = count()

    def of_late(_provider: str, _country: str) -> bool:
        return (at := next(number)) >= 5 * 24 * PER_HOUR and at % 5 == 0

    till = days_of(tmp_path, payments("0.9", max_gap_s=7200), 9, of_late)
    yield Shown(till, LedgerMemory())
    till.database.close()


def pass_seconds(shown: Shown, seconds: int) -> None:
    """Time goes on, and somebody in the shop pays."""
    shown.till.play(seconds, per_s=0.2, evaluate=False)


def test_what_is_asked_again_at_once_is_the_same_and_what_a_fresh_answer_says(shown: Shown):
    first = shown.remembered()
    assert first is not None
    assert first.interval
    assert first.low_s is not None
    assert shown.remembered() == first == shown.fresh()


def test_the_pace_is_of_now_while_the_interval_is_kept_for_a_minute(shown: Shown):
    first = shown.remembered()
    pass_seconds(shown, 40)
    then, fresh = shown.remembered(), shown.fresh()
    assert first is not None
    assert then is not None
    assert fresh is not None
    assert then.at_pace_s == fresh.at_pace_s != first.at_pace_s
    assert then.low_s == first.low_s != fresh.low_s
    pass_seconds(shown, 20)
    assert shown.remembered() == shown.fresh()


def test_a_late_failure_of_a_past_day_draws_it_anew_at_once(shown: Shown):
    first, now_us = shown.remembered(), shown.till.clock.now_us()
    late_us = (now_us - 3 * DAY_US) // HOUR_US * HOUR_US
    shown.till.arrive(list(attempts(late_us, 0, 1)))
    assert shown.remembered() == shown.fresh() != first


def test_a_correction_draws_it_anew_at_once(shown: Shown, tmp_path: Path):
    first, now_us = shown.remembered(), shown.till.clock.now_us()
    service = corrections_of(shown.till, tmp_path)
    begin_us = (now_us - 3 * DAY_US) // HOUR_US * HOUR_US
    made = service.propose(asked(begin_us, begin_us + DAY_US), ADA)
    service.decide(made.id, BEN, "approve")
    assert shown.remembered() == shown.fresh() != first


def test_another_target_is_another_forecast(shown: Shown):
    first = shown.remembered()
    other = payments("0.905", max_gap_s=7200)
    assert shown.remembered(other) == shown.fresh(other) != first


def test_a_new_generation_does_not_inherit_what_was_drawn(shown: Shown):
    shown.remembered()
    other = payments("0.9", max_gap_s=7200, generation="two")
    found = shown.remembered(other)
    assert found == shown.fresh(other)
    assert found is not None
    assert found.state == "unknown"


def test_a_burst_of_failures_draws_it_anew_at_once(shown: Shown):
    shown.till.play(300, per_s=0, evaluate=False)
    first = shown.remembered()
    shown.till.play(10, per_s=1.2, fails=lambda *_: True, evaluate=False)
    then = shown.remembered()
    assert first is not None
    assert then is not None
    assert (first.burning, then.burning) == (False, True)
    assert then == shown.fresh()


def test_a_budget_that_was_just_spent_is_spent_at_once(shown: Shown):
    assert shown.remembered() is not None
    shown.till.play(30, per_s=20, fails=lambda *_: True, evaluate=False)
    found = shown.remembered()
    assert found is not None
    assert (found.state, found) == ("spent", shown.fresh())
