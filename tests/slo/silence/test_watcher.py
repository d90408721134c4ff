"""Shop events in, silence out: the real ledger and the real control database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.clock import MINUTE_US, SECOND_US
from slo.models import BurnAlertRow
from tests.slo.corrections.people import approved, asked, corrections_of
from tests.slo.shop_till import payments
from tests.slo.silence.quiet_till import QuietTill


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three weeks at 0.5 payments a second, made once."""
    folder = tmp_path_factory.mktemp("past")
    made = QuietTill(folder)
    made.backfill()
    made.writer.close()
    made.database.close()
    return folder


@pytest.fixture
def till(tmp_path: Path, past: Path) -> Iterator[QuietTill]:
    """A shop with a past, and five live minutes."""
    made = QuietTill(tmp_path, past=past)
    made.live(300, shop=0.5)
    yield made
    made.database.close()


def kinds(rows: list[BurnAlertRow]) -> list[tuple[str, str, bool, str]]:
    return [(row.kind, row.source, row.page, row.state) for row in rows]


def test_a_shop_that_goes_on_raises_nothing(till: QuietTill):
    till.live(900, shop=0.5)
    assert till.alerts() == []


def test_a_silent_shop_pages_within_three_minutes_and_says_what_is_missing(till: QuietTill):
    onset_us = till.clock.now_us()
    till.still(60)
    [alert] = till.alerts()
    assert kinds([alert]) == [("silence", "", True, "open")]
    assert alert.title == "Payments have stopped arriving"
    assert "no payment began since 12:05:00 UTC (55 s), about 28 are usual" in alert.reason
    assert "of 3 weeks" in alert.reason
    assert alert.onset_us == onset_us
    assert (alert.bad, alert.total) == (28, 28)
    assert [fact.name for fact in till.facts()] == ["slo.burn_alert.opened"]


def test_one_page_for_one_silence_and_it_ends_two_minutes_after_the_shop_is_back(till: QuietTill):
    till.still(900)
    till.live(100, shop=0.5)
    assert [row.state for row in till.alerts() if row.kind == "silence"] == ["open"]
    till.live(120, shop=0.5)
    [alert] = [row for row in till.alerts() if row.kind == "silence"]
    assert alert.state == "closed"
    assert "attempts arrive again" in alert.close_reason


def test_a_hanging_outage_is_no_silence(till: QuietTill):
    till.live(600, hang=True, shop=0.5)
    assert till.alerts() == []


def test_our_own_blindness_is_never_silence_of_the_shop(till: QuietTill):
    till.deaf(3600)
    till.still(60)
    assert till.alerts() == []
    till.still(240)
    assert kinds(till.alerts())[:1] == [("silence", "", True, "open")]


def test_while_we_are_deaf_an_open_silence_keeps_its_state(till: QuietTill):
    till.still(120)
    [before] = till.alerts()
    till.deaf(1800)
    [after] = [row for row in till.alerts() if row.kind == "silence"]
    assert (after.state, after.last_fire_us) == ("open", before.last_fire_us)


def test_after_a_restart_an_open_silence_goes_on_and_is_not_told_twice(till: QuietTill):
    till.still(120)
    till.restart()
    till.still(1200)
    assert [row.state for row in till.alerts() if row.kind == "silence"] == ["open"]
    till.live(400, shop=0.5)
    assert [row.state for row in till.alerts() if row.kind == "silence"] == ["closed"]


def test_a_drop_to_a_fifth_is_told_as_a_drop(till: QuietTill):
    till.live(600, shop=0.1)
    [alert] = till.alerts()
    assert "have dropped to" in alert.title
    assert "of what is usual" in alert.title


def test_one_silent_source_of_several_is_named_alone(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(web=0.5, app=0.5)
    till.live(300, web=0.5, app=0.5)
    till.live(120, web=0.5)
    [alert] = till.alerts()
    assert kinds([alert]) == [("silence", "app", True, "open")]
    assert alert.title == "Payments from app have stopped arriving"
    till.still(300)
    assert ("silence", "", True, "open") in kinds(till.alerts())


def test_a_source_whose_attempts_arrive_through_another_is_no_page(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(web=0.5, app=0.5)
    till.live(300, web=0.5, app=0.5)
    till.live(180, web=1.0)
    [alert] = till.alerts()
    assert kinds([alert]) == [("silence", "app", False, "open")]


def test_a_source_that_delivers_once_a_minute_is_not_called_silent_between(
    tmp_path: Path, past: Path
):
    till = QuietTill(tmp_path, past=past)
    for _ in range(40):
        start_us = till.clock.now_us()
        for step in range(12):
            till.clock.advance_s(5)
            batch = [till.sold(start_us + n * 2 * SECOND_US) for n in range(30)]
            till.arrive(batch if step == 11 else [])
            till.watcher.run_once()
    assert till.alerts() == []
    till.still(240)
    assert kinds(till.alerts()) == [("silence", "", True, "open")]


def test_an_objective_may_switch_it_off(tmp_path: Path):
    till = QuietTill(tmp_path, [payments(silence=False)])
    till.backfill(weeks=0)
    till.live(300, shop=0.5)
    till.still(1200)
    assert till.alerts() == []


def test_on_the_first_day_a_steady_flow_that_stops_is_told(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(weeks=0, hours=1.5)
    till.live(300, shop=0.5)
    till.still(120)
    [alert] = till.alerts()
    assert kinds([alert]) == [("silence", "", True, "open")]
    assert "no whole day is known yet" in alert.reason


def test_an_alert_of_an_objective_that_is_gone_is_closed(till: QuietTill):
    till.still(120)
    till.catalogue = type(till.catalogue)([payments(id="other")])
    till.restart()
    till.watcher.run_once()
    [alert] = till.alerts()
    assert (alert.state, alert.close_reason) == ("closed", "the objective is no longer defined")


def test_a_planned_closure_is_no_silence_and_one_that_outlasts_it_is(
    till: QuietTill, tmp_path: Path
):
    corrections = corrections_of(till, tmp_path)
    begin_us = till.clock.now_us()
    approved(corrections, asked(begin_us, begin_us + 20 * MINUTE_US))
    till.still(1200)
    assert till.alerts() == []
    till.still(660)
    assert [row.kind for row in till.alerts()] == ["silence"]
