"""Causes told from logs, metrics, diffs and vendors' words in a real store."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.clock import MINUTE_US, SECOND_US, FrozenClock, rfc3339
from kernel.telemetry_store.port import Batch, ChangeRow, LogRow, MetricRow, SpanRow
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from tests.triage.evidence.test_funnel import journeys
from triage.brief.writer import compose
from triage.evidence.evidence import EvidenceBundle, IncidentContext, Verdict, agreed
from triage.evidence.gather import EvidenceEngine

ONSET_US = 1_795_010_530 * SECOND_US
DIFF = "-  max_connections: 40\n+  max_connections: 4\n"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(ONSET_US + 4 * MINUTE_US)


@pytest.fixture
def store(tmp_path: Path, clock: FrozenClock) -> SqliteTelemetryStore:
    return SqliteTelemetryStore(tmp_path, clock, retention_d=7)


def logs(text: str, service: str = "payments") -> list[LogRow]:
    return [
        LogRow(1, item, ONSET_US + item * SECOND_US, service, 17, text.replace("#", str(item)))
        for item in range(40)
    ]


def waiting() -> list[MetricRow]:
    start_us = ONSET_US - 60 * MINUTE_US
    return [
        MetricRow(2, n, start_us + n * MINUTE_US, "payments", "db_pool_wait_ms", "ms",
                  12.0 if n < 60 else 900.0)
        for n in range(64)
    ]  # fmt: skip


def changes(diff: str) -> list[ChangeRow]:
    shared = {"commit": "c0ffee12", "files": "services/payments/config/pool.yaml", "diff": diff}
    return [
        ChangeRow(3, 0, ONSET_US - 9 * MINUTE_US, "other", "payments", "tidy the pool's settings",
                  attributes=shared),
        ChangeRow(3, 1, ONSET_US - 2 * MINUTE_US, "deploy", "payments", "payments 7.1", "7.1",
                  attributes={"commit": "c0ffee12"}),
        ChangeRow(3, 2, ONSET_US - MINUTE_US, "deploy", "search", "search 3.0", "3.0"),
    ]  # fmt: skip


def vendor(told_us: int) -> ChangeRow:
    about = {
        "vendor": "adyen",
        "status": "investigating",
        "begun_at": rfc3339(ONSET_US - MINUTE_US),
    }
    return ChangeRow(4, 0, told_us, "vendor", "adyen", "adyen: Payments fail", attributes=about)


def gathered(store: SqliteTelemetryStore, clock: FrozenClock) -> EvidenceBundle:
    context = IncidentContext(
        incident_id="inc",
        title="Payments wait for the database",
        service="payments",
        onset_us=ONSET_US,
        now_us=clock.now_us(),
        labels={"alertname": "PoolWait"},
    )
    return EvidenceEngine(store, None, clock).gather(context)


def test_the_deploy_whose_diff_explains_what_logs_and_metrics_show_is_named_with_its_reason(
    store, clock
):
    bad = logs("timed out waiting for a connection from the pool after # ms")
    store.write(Batch(cursor=9, logs=bad, metrics=waiting(), changes=changes(DIFF)))
    bundle = gathered(store, clock)

    assert bundle.verdict is Verdict.CHANGE_OF_OURS
    first = bundle.of_kind("cause")[0]
    assert first.numbers["ref"] == "c0ffee12"
    assert "max_connections is lowered from 40 to 4" in str(first.numbers["why"])
    assert "tidy the pool's settings in payments since" in compose(bundle).text


def test_the_same_deploy_with_a_diff_that_cannot_do_it_is_not_blamed(store, clock):
    bad = logs("timed out waiting for a connection from the pool after # ms")
    store.write(Batch(cursor=9, logs=bad, metrics=waiting(), changes=changes("+# a note\n")))

    blamed = [one for one in gathered(store, clock).of_kind("cause") if "lowered" in one.summary]

    assert blamed == []


def test_what_a_vendor_says_of_itself_is_no_change_of_ours(store, clock):
    """Its words name the provider that fails; they are told with how late they came."""
    store.write(Batch(cursor=9, changes=[vendor(ONSET_US + 3 * MINUTE_US)]))
    bundle = gathered(store, clock)

    assert bundle.verdict is not Verdict.CHANGE_OF_OURS
    assert bundle.of_kind("change") == []
    told = bundle.of_kind("vendor")[0]
    assert told.numbers["vendor"] == "adyen"
    assert int(told.numbers["lag_s"]) > 0
    assert "adyen says so itself" in compose(bundle).text


def test_spans_tell_who_calls_whom_and_what_failing_ones_say(store, clock):
    spans = [
        SpanRow(5, 2 * n + k, f"{n:032x}", f"{n:08x}{k:08x}", f"{n:08x}{k - 1:08x}" if k else "",
                service, "call", "server", ONSET_US + n, ONSET_US + n + 9, "error",
                "x509: certificate has expired" if k else "")
        for n in range(30)
        for k, service in enumerate(["checkout", "payments"])
    ]  # fmt: skip
    store.write(Batch(cursor=9, spans=spans))
    bundle = gathered(store, clock)

    assert bundle.verdict is Verdict.NOT_A_CHANGE_OF_OURS
    assert bundle.of_kind("cause")[0].numbers["outside"] == "certificate"


def test_two_readings_that_contradict_each_other_tell_nothing() -> None:
    ours, theirs, unknown = (
        Verdict.CHANGE_OF_OURS,
        Verdict.NOT_A_CHANGE_OF_OURS,
        Verdict.CANNOT_TELL,
    )

    assert agreed(ours, theirs) is unknown
    assert agreed(theirs, ours) is unknown
    assert agreed(unknown, ours) is ours
    assert agreed(theirs, unknown) is theirs
    assert agreed(ours, ours) is ours


def test_who_fails_with_it_is_told_worst_first(store, clock):
    bad = logs("timed out waiting for a connection from the pool after # ms")
    above = logs("payments answered 503 after # ms", service="checkout")
    moved = [
        MetricRow(6, row.item, row.time_us, "checkout", row.name, "ms", row.value)
        for row in waiting()
    ]
    rows = [LogRow(7, row.item, row.time_us, row.service, row.severity, row.body) for row in above]
    store.write(Batch(cursor=9, logs=bad + rows, metrics=waiting() + moved))
    bundle = gathered(store, clock)

    (radius,) = bundle.of_kind("blast_radius")
    assert radius.numbers["centre"] == "payments"
    assert radius.numbers["service_2"] == "checkout"
    assert "With payments fail checkout." in compose(bundle).text


def test_one_that_fails_alone_has_no_radius(store, clock):
    store.write(Batch(cursor=9, logs=logs("deadlock found after # ms")))

    assert gathered(store, clock).of_kind("blast_radius") == []


def test_the_step_at_which_checkouts_are_lost_is_told(store, clock):
    clock.set_us(ONSET_US + 10 * MINUTE_US)
    store.write(Batch(cursor=9, events=journeys(broken=2)))
    bundle = gathered(store, clock)

    (lost,) = bundle.of_kind("funnel")
    assert (lost.numbers["stage"], lost.numbers["following"]) == ("address", "shipping")
    assert "went on to shipping" in compose(bundle).text


@pytest.mark.parametrize("error", [ValueError("log of 0"), ZeroDivisionError(), KeyError("x")])
def test_what_cannot_be_judged_costs_only_itself(store, clock, monkeypatch, error):
    def fail(_scene: object) -> None:
        raise error

    monkeypatch.setattr("triage.evidence.gather.judge", fail)
    store.write(Batch(cursor=9, logs=logs("deadlock found after # ms")))
    bundle = gathered(store, clock)

    assert "causes" in bundle.missing_sources
    assert bundle.of_kind("logs")
    assert compose(bundle).text
