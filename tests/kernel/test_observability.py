"""Logs, metrics and ages."""

from __future__ import annotations

import io
import json
import logging

import pytest
from opentelemetry import trace

from kernel.clock import SECOND_US, FrozenClock
from kernel.engine_status import EngineStatus, read_status, write_status
from kernel.observability import AgeCollector, configure_logging, configure_tracing, get_logger


@pytest.fixture
def log():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_a_constant_name(log):
    get_logger("slo").info("slo.evaluated", objectives=3)
    get_logger("slo").debug("slo.detail")
    (line,) = lines(log)
    assert (line["event"], line["objectives"], line["level"]) == ("slo.evaluated", 3, "info")
    assert line["at"].endswith("Z")


def test_foreign_logs_come_in_the_same_form_and_line_breaks_cannot_forge_a_line(log):
    logging.getLogger("library").warning("one\ntwo %s", "\x1b[31m")
    (line,) = lines(log)
    assert line["logger"] == "library"
    assert "\x1b" not in log.getvalue()


def test_values_under_telling_keys_are_masked(log):
    get_logger("a").error("a.b", token="tw_x", api_key="k", Authorization="Bearer x", path="/a")
    (line,) = lines(log)
    assert [line[name] for name in ("token", "api_key", "Authorization")] == ["***"] * 3
    assert line["path"] == "/a"


def test_an_exception_is_logged_in_one_line(log):
    get_logger("a").error("a.failed", exc_info=ValueError("broken"))
    (line,) = lines(log)
    assert "ValueError: broken" in line["exception"]


def test_traces_are_exported_only_where_an_endpoint_is_named(monkeypatch):
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    before = trace.get_tracer_provider()
    configure_tracing("door", "0")()
    assert trace.get_tracer_provider() is before


def test_ages_are_computed_at_the_scrape_and_what_never_was_is_absent():
    clock, times = FrozenClock(), {}
    collector = AgeCollector(lambda: times, clock, evaluation_part="slo.evaluate")
    assert [sample for family in collector.collect() for sample in family.samples] == []
    times["slo.evaluate"] = clock.now_us() - 5 * SECOND_US
    clock.advance_s(2)
    values = {family.name: family.samples[0].value for family in collector.collect()}
    assert values == {
        "tillwatch_part_last_success_age_seconds": 7.0,
        "tillwatch_evaluation_age_seconds": 7.0,
    }


def test_the_sign_of_life_is_replaced_whole_and_a_broken_file_is_none(tmp_path):
    assert read_status(tmp_path) is None
    status = EngineStatus(1, 2, {"a": 3}, {"b": "why"}, "x 1\n")
    write_status(tmp_path, status)
    assert read_status(tmp_path) == status
    assert status.age_s(1_000_001) == 1.0
    (tmp_path / "engine.json").write_text('{"at_us"')
    assert read_status(tmp_path) is None
