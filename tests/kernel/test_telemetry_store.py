"""The embedded telemetry store: idempotent, bounded, readable while it is written."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, FrozenClock, from_us
from kernel.shop_event import ShopEvent
from kernel.telemetry_store.meta import DeadLetter, Notes
from kernel.telemetry_store.port import (
    Batch,
    ChangeRow,
    EventRow,
    LogRow,
    MetricRow,
    SpanRow,
    TelemetryStore,
)
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

CLOCK = FrozenClock()
NOW_US = CLOCK.now_us()
EVER = {"from_us": 0, "to_us": 1 << 60}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteTelemetryStore]:
    made = SqliteTelemetryStore(tmp_path, CLOCK, retention_d=7)
    yield made
    made.close()


def event(position: int, ago_us: int, kind: str = "payment.succeeded") -> EventRow:
    return EventRow(
        position,
        0,
        NOW_US,
        ShopEvent(id=str(position), source="s", type=kind, time_us=NOW_US - ago_us),
    )


def span(position: int, ago_us: int = 0, **more: object) -> SpanRow:
    given = {
        "position": position,
        "item": 0,
        "trace_id": "ab" * 16,
        "span_id": f"{position:016x}",
        "parent_span_id": "",
        "service": "payments",
        "name": "n",
        "kind": "server",
        "start_us": NOW_US - ago_us,
        "end_us": NOW_US,
        "status": "ok",
        "status_message": "",
        "attributes": {"a": "x", "b": 1, "c": 1.5, "d": True},
        "events": [{"name": "e", "time_us": 1, "attributes": {"k": "v"}}],
    }
    return SpanRow(**{**given, **more})


def test_it_satisfies_the_port(store: SqliteTelemetryStore) -> None:
    port: TelemetryStore = store
    assert port.cursor() == 0
    assert port.events(**EVER) == []
    assert port.trace("ab" * 16) == []


def test_every_kind_of_row_comes_back_as_it_was(store: SqliteTelemetryStore) -> None:
    rows = Batch(
        9,
        events=[event(1, 0)],
        spans=[span(2)],
        logs=[LogRow(3, 0, NOW_US, "s", 9, "body", "name", "ab" * 16, "cd" * 8, {"a": 1})],
        metrics=[MetricRow(4, 0, NOW_US, "s", "m", "1", 1.5, {"a": "b"})],
        changes=[ChangeRow(5, 0, NOW_US, "flag", "s", "sum", "1", "e", "au", "u", {"a": True})],
    )
    store.write(rows)
    store.write(rows)
    assert store.cursor() == 9
    assert store.events(**EVER) == list(rows.events)
    assert store.spans(**EVER) == list(rows.spans)
    assert store.trace("AB" * 16) == list(rows.spans)
    assert store.logs(**EVER) == list(rows.logs)
    assert store.metrics(**EVER) == list(rows.metrics)
    assert store.changes(**EVER) == list(rows.changes)


def test_ranges_are_half_open_newest_first_and_span_days(store: SqliteTelemetryStore) -> None:
    ages = [0, HOUR_US, DAY_US, 3 * DAY_US, 6 * DAY_US]
    store.write(Batch(1, events=[event(i, age) for i, age in enumerate(ages, 1)]))
    assert [row.position for row in store.events(**EVER)] == [1, 2, 3, 4, 5]
    assert [row.position for row in store.events(**EVER, limit=2)] == [1, 2]
    part = store.events(from_us=NOW_US - 3 * DAY_US, to_us=NOW_US)
    assert [row.position for row in part] == [2, 3, 4]


def test_filters_narrow_the_answer(store: SqliteTelemetryStore) -> None:
    store.write(
        Batch(
            1,
            events=[event(1, 0), event(2, 0, "payment.failed")],
            spans=[span(1), span(2, service="shop", status="error")],
            logs=[LogRow(1, 0, NOW_US, "a", 9, "x"), LogRow(2, 0, NOW_US, "b", 17, "y")],
            metrics=[MetricRow(i, 0, NOW_US, "s", name, "", 1) for i, name in enumerate("mn")],
        )
    )
    assert [row.position for row in store.events(**EVER, types=["payment.failed"])] == [2]
    assert [row.position for row in store.spans(**EVER, service="shop")] == [2]
    assert [row.position for row in store.spans(**EVER, status="ok")] == [1]
    assert [row.position for row in store.logs(**EVER, min_severity=17)] == [2]
    assert [row.body for row in store.logs(**EVER, service="a")] == ["x"]
    assert [row.name for row in store.metrics(**EVER, name="n")] == ["n"]


def test_a_span_sent_twice_is_one_span(store: SqliteTelemetryStore) -> None:
    store.write(Batch(2, spans=[span(1), span(2, span_id=f"{1:016x}")]))
    assert len(store.trace("ab" * 16)) == 1


def test_backfilled_events_beyond_the_retention_are_skipped_and_counted(
    store: SqliteTelemetryStore, tmp_path: Path
) -> None:
    old = [event(i, i * DAY_US) for i in range(1, 29)]
    store.write(Batch(28, events=old))
    assert len(store.events(**EVER)) == 7
    assert store.skipped() == {"event": 21}
    assert len(list(tmp_path.glob("2*.db"))) <= 8


def test_rows_of_impossible_times_lie_in_one_bounded_file(
    store: SqliteTelemetryStore, tmp_path: Path
) -> None:
    odd = [span(i, start_us=start) for i, start in enumerate((0, 1 << 60, NOW_US - 99 * DAY_US))]
    store.write(Batch(3, spans=odd))
    assert {path.name for path in tmp_path.glob("*.db")} == {"meta.db", "other.db"}
    assert len(store.trace("ab" * 16)) == 3
    assert len(store.spans(from_us=0, to_us=NOW_US)) == 2


def test_whole_days_are_pruned(store: SqliteTelemetryStore, tmp_path: Path) -> None:
    store.write(Batch(1, events=[event(i, i * DAY_US) for i in range(7)]))
    assert store.prune(NOW_US - 2 * DAY_US) == 4
    kept = sorted(path.stem for path in tmp_path.glob("2*.db"))
    assert kept == sorted(from_us(NOW_US - i * DAY_US).strftime("%Y-%m-%d") for i in range(3))
    assert len(store.events(**EVER)) == 3
    assert not [path for path in tmp_path.glob("2*") if path.stem.split(".")[0] not in kept]


def test_the_cursor_never_falls_and_each_consumer_has_its_own(store: SqliteTelemetryStore) -> None:
    store.write(Batch(5))
    store.write(Batch(3))
    store.write_as("derived", Batch(2))
    assert (store.cursor(), store.progress("derived"), store.progress("x")) == (5, 2, 0)


def test_dead_letters_are_kept_once_and_listed_newest_first(store: SqliteTelemetryStore) -> None:
    letters = [
        DeadLetter(i, -1, NOW_US, "raw", "s", "f", "rule", "reason", 3, "00") for i in (1, 2)
    ]
    for _ in range(2):
        store.write_as("journal", Batch(2), Notes(deadletters=letters))
    assert [one.position for one in store.deadletters()] == [2, 1]
    assert store.deadletters_of(1) == [letters[0]]


def test_another_process_reads_while_this_one_writes(
    store: SqliteTelemetryStore, tmp_path: Path
) -> None:
    store.write(Batch(1, events=[event(1, MINUTE_US)]))
    code = (
        "import sys; from pathlib import Path; from kernel.clock import FrozenClock;"
        "from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore as S;"
        "s = S(Path(sys.argv[1]), FrozenClock());"
        "print(len(s.events(from_us=0, to_us=1 << 60)), s.cursor())"
    )
    root = Path(__file__).resolve().parents[2]
    for count in (1, 2):
        store.write(Batch(count, events=[event(count, 0)]))
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == [str(count), str(count)]
