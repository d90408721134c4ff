"""Table 2.8, "zero events in slice", alert side: neutral where none is usual, else silence."""

from __future__ import annotations

from pathlib import Path

from tests.slo.silence.quiet_till import QuietTill


def test_no_event_where_hardly_any_is_usual_is_neither_silence_nor_failure(tmp_path: Path) -> None:
    till = QuietTill(tmp_path)
    till.backfill(weeks=3, per_s=0.01)
    till.live(300, shop=0.02)
    till.still(240)
    assert till.alerts() == []


def test_no_event_where_many_are_usual_is_silence(tmp_path: Path) -> None:
    till = QuietTill(tmp_path)
    till.backfill(weeks=1)
    till.live(300, shop=0.5)
    till.still(120)
    assert [(row.kind, row.page) for row in till.alerts()] == [("silence", True)]
