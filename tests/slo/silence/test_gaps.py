"""A source that is not heard: a ticket with its own words, never a burning budget."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.slo.shop_till import payments
from tests.slo.silence.quiet_till import QuietTill


@pytest.fixture
def till(tmp_path: Path) -> QuietTill:
    """Too little traffic to tell silence by counts: one payment a minute, for two hours."""
    made = QuietTill(tmp_path)
    made.backfill(weeks=0, hours=2, per_s=1 / 60)
    made.live(300, shop=1 / 60)
    return made


def test_after_the_gap_a_ticket_says_since_when_nothing_was_heard(till: QuietTill):
    heard_us = till.reader().last_heard_us("shop")
    till.still(300)
    assert till.alerts() == []
    till.still(600)
    [alert] = till.alerts()
    assert (alert.kind, alert.source, alert.page) == ("no_data", "shop", False)
    assert alert.title.startswith("No data from shop since 12:0")
    assert alert.onset_us == heard_us
    assert "burn alerts keep their state" in alert.reason
    assert "budget" not in alert.reason + alert.title


def test_it_is_over_as_soon_as_the_source_is_heard(till: QuietTill):
    till.still(900)
    till.live(60, shop=1 / 30)
    [alert] = till.alerts()
    assert (alert.state, alert.close_reason) == ("closed", "shop is heard again")


def test_our_own_standstill_is_no_gap_of_a_source(till: QuietTill):
    till.deaf(1800)
    assert till.alerts() == []


def test_what_silence_has_told_is_not_told_again(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(weeks=0, hours=2)
    till.live(300, shop=0.5)
    till.still(900)
    assert [row.kind for row in till.alerts()] == ["silence"]


def test_where_a_quiet_hour_is_usual_a_gap_is_told_only_when_attempts_were_due(tmp_path: Path):
    till = QuietTill(tmp_path, [payments(max_gap_s=600)])
    till.backfill(weeks=3, hours=4, per_s=0.006)
    till.live(300, shop=0.01)
    till.still(1500)
    assert [row for row in till.alerts() if row.kind == "no_data"] == []
    till.still(2100)
    assert [row.kind for row in till.alerts() if row.kind == "no_data"] == ["no_data"]
