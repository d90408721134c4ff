"""What the API, the metrics and the alert's text tell of expected volume and missing attempts."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from slo.silence.metrics import VolumeCollector
from slo.volume.terminal import volume_sentences
from tests.slo.silence.quiet_till import QuietTill


def test_an_ordinary_shop_shows_what_is_usual_now_and_nothing_missing(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(weeks=1)
    till.live(300, shop=0.5)
    shown = till.service.show("payment-success")
    assert shown.expected is not None
    assert (shown.expected.begun, shown.expected.mid) == (300, 300)
    assert shown.expected.low < 300 < shown.expected.high
    assert shown.expected.basis == "few_weeks"
    assert shown.lost_estimate is None
    assert till.service.list()[0].expected is None


def test_a_silent_shop_shows_how_many_are_missing_since_when_and_what_they_cost(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(weeks=1)
    till.live(300, shop=0.5)
    till.still(600)
    shown = till.service.show("payment-success")
    lost = shown.lost_estimate
    assert lost is not None
    assert (lost.since, lost.begun) == ("2026-11-19T12:05:00.000000Z", 0)
    assert lost.low < lost.mid == 300 < lost.high
    [cost] = lost.cost
    assert (cost.currency, cost.mid_minor) == ("EUR", 300 * 5000)
    assert "expected minus begun" in lost.method
    [told, usual] = volume_sentences(shown.model_dump(mode="json"))
    assert told.startswith("about 300 attempts are missing since 12:05:00 UTC (")
    assert "worth about 15,000.00 EUR" in told
    assert usual.startswith("0 attempts began in the newest 10 min, about 300 are usual (")
    assert shown.state == "no_data"
    assert shown.reason.startswith("Payments have stopped arriving: ")
    assert till.service.burning("payment-success")


def test_hours_of_an_outage_are_counted_by_quarters(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(weeks=1, hours=3)
    till.live(300, shop=0.5)
    onset_us = till.clock.now_us()
    till.still(120)
    for _ in range(180):
        till.clock.advance_s(60)
        till.arrive([])
    found = till.service.missing("payment-success", onset_us, till.clock.now_us())
    assert found is not None
    assert found.volume.begun == 0
    assert found.volume.from_us > onset_us
    assert found.volume.missing.mid > 1000


def test_a_guess_from_hours_is_not_carried_on_for_days(tmp_path: Path):
    till = QuietTill(tmp_path)
    till.backfill(weeks=0)
    onset_us = till.clock.now_us()
    for _ in range(100):
        till.clock.advance_s(600)
        till.arrive([])
    found = till.service.missing("payment-success", onset_us, till.clock.now_us())
    assert found is not None
    assert found.volume.missing.mid <= 2 * 3600 * 0.5 + 10


def test_metrics_tell_usual_and_begun_attempts_and_nothing_that_is_not_known(tmp_path: Path):
    till = QuietTill(tmp_path)
    registry = CollectorRegistry()
    registry.register(VolumeCollector(till.watcher))
    till.live(60, shop=0.5)
    assert "expected_attempts{" not in generate_latest(registry).decode()
    till.backfill(weeks=0)
    till.live(900, shop=0.5)
    text = generate_latest(registry).decode()
    labels = '{objective="payment-success",service="payments"}'
    assert f"tillwatch_slo_expected_attempts{labels}" in text
    assert f"tillwatch_slo_begun_attempts{labels} 30.0" in text
