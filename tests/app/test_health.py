"""Alive, ready, metrics."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from app.health import build_router
from kernel.clock import SECOND_US, FrozenClock
from kernel.engine_status import own_status, write_status
from kernel.journal import JournalWriter
from kernel.observability import Metrics

EVALUATE = "slo.evaluate"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def journal(tmp_path, clock):
    writer = JournalWriter(tmp_path / "journal.db", clock)
    yield writer
    writer.close()


@pytest.fixture
def client(tmp_path, clock, journal):
    app = FastAPI()
    app.include_router(build_router(journal, Metrics(), clock, tmp_path, evaluation_part=EVALUATE))
    with TestClient(app) as client:
        yield client


def samples(client) -> dict[tuple[str, str], float]:
    """(name, part or role) -> value; parsed as Prometheus would."""
    return {
        (sample.name, sample.labels.get("part", sample.labels.get("role", ""))): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
    }


def test_a_door_is_ready_without_an_engine(client):
    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {
        "ready": True,
        "journal": True,
        "engine_age_s": None,
        "refusing": {},
    }


def test_a_door_that_cannot_write_its_journal_is_not_ready(client, journal):
    journal.close()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert samples(client)["tillwatch_journal_healthy", "door"] == 0


def test_an_evaluation_that_never_was_is_absent_and_not_zero(client):
    assert ("tillwatch_evaluation_age_seconds", "door") not in samples(client)


def test_ages_grow_while_the_engine_is_silent(client, clock, tmp_path):
    now_us = clock.now_us()
    times = {EVALUATE: now_us - 3 * SECOND_US, "triage.alerts": now_us}
    write_status(tmp_path, own_status(now_us, times, {}, ""))
    clock.advance_s(60)
    found = samples(client)
    assert found["tillwatch_evaluation_age_seconds", "door"] == 63
    assert found["tillwatch_part_last_success_age_seconds", "triage.alerts"] == 60
    assert found["tillwatch_part_last_success_age_seconds", "engine"] == 60


def test_metrics_of_both_processes_are_one_exposition(client, clock, tmp_path):
    engine = Metrics()
    engine.part_failures.labels(part="slo.evaluate").inc(2)
    from prometheus_client import generate_latest

    text = generate_latest(engine.registry).decode()
    write_status(tmp_path, own_status(clock.now_us(), {}, {}, text))
    found = samples(client)
    assert found["tillwatch_part_failures_total", "slo.evaluate"] == 2
    assert found["tillwatch_engine_restarts_total", "door"] == 0
    exposed = client.get("/metrics").text
    assert exposed.count("# TYPE tillwatch_part_failures_total counter") == 1


def test_ready_says_which_classes_are_refused_and_for_lack_of_what(client, journal):
    journal.gate.measured(quota_share=0.92, free_share=9.0)
    answer = client.get("/readyz")
    assert answer.status_code == 200, "what counts most is taken"
    assert answer.json()["refusing"] == {
        "trace": "quota",
        "metric": "quota",
        "log": "quota",
        "debug_log": "quota",
    }
