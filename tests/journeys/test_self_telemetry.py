"""Tillwatch watches itself: one installation sends its traces to another, and shows its metrics."""

from __future__ import annotations

from pathlib import Path

from kernel.clock import HOUR_US, SystemClock
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from tests.journeys.running import RunningService, until


def test_door_and_engine_send_their_traces_by_otlp(tmp_path: Path) -> None:
    with RunningService(tmp_path / "watching") as watching:
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": watching.otlp_url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"Authorization=Bearer {watching.token}",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        with RunningService(tmp_path / "watched", environment) as watched:
            watched.client.get("/api/slos")
            store = SqliteTelemetryStore(watching.data_dir / "telemetry", SystemClock())
            try:
                names = until(lambda: _names(store), "spans of both processes arrive")
            finally:
                store.close()
    assert any("/api/slos" in name for name in names["tillwatch-door"])
    assert "slo.evaluate" in names["tillwatch-engine"]


def test_metrics_tell_of_both_processes_and_of_every_promise(tmp_path: Path) -> None:
    with RunningService(tmp_path / "one") as service, service.http() as http:

        def text() -> str:
            found = str(http.get("/metrics").text)
            return found if "tillwatch_slo" in found and 'role="engine"' in found else ""

        shown = until(text, "the engine's metrics are shown")
    assert "tillwatch_evaluation_age_seconds" in shown
    assert 'role="door"' in shown
    assert "payment-success" in shown


def _names(store: SqliteTelemetryStore) -> dict[str, set[str]]:
    now_us = SystemClock().now_us()
    found = {
        service: {
            span.name
            for span in store.spans(from_us=now_us - HOUR_US, to_us=now_us, service=service)
        }
        for service in ("tillwatch-door", "tillwatch-engine")
    }
    complete = any("/api/slos" in name for name in found["tillwatch-door"])
    return found if complete and "slo.evaluate" in found["tillwatch-engine"] else {}
