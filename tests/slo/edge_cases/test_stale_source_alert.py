"""Table 2.8, "stale source", alert side: staleness is tested first and is a state of its own."""

from __future__ import annotations

from pathlib import Path

from tests.slo.silence.quiet_till import QuietTill


def test_a_stale_source_makes_a_ticket_with_its_own_words(tmp_path: Path) -> None:
    till = QuietTill(tmp_path)
    till.backfill(weeks=0, hours=2, per_s=1 / 60)
    till.live(120, shop=1 / 60)
    till.still(900)
    [alert] = till.alerts()
    assert (alert.kind, alert.page) == ("no_data", False)
    assert alert.title.startswith("No data from shop since ")
    assert till.service.show("payment-success").state == "no_data"


def test_a_stale_watermark_is_ours_and_tells_nothing_of_the_shop(tmp_path: Path) -> None:
    till = QuietTill(tmp_path)
    till.backfill(weeks=1)
    till.live(300, shop=0.5)
    till.deaf(1800)
    assert till.alerts() == []
    assert till.service.show("payment-success").state == "no_data"
