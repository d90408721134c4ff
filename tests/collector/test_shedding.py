"""Shedding: only for a backlog that does not become smaller, in order, counted, never business."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from collector import shedding
from collector.limits import LimitsCollector
from collector.otlp.signals import LOGS, TRACES
from collector.replays import replay_of
from collector.shedding import BOUNDS, CALM, PATIENCE_US, Lag, Level, State, kept_logs, step
from kernel.clock import SECOND_US
from kernel.journal import JournalReader, Stream
from kernel.shop_event import decode_events
from kernel.telemetry_store.port import LogRow
from tests.collector.world import World

EVER = {"from_us": 0, "to_us": 1 << 60}


def run(lags: list[Lag], state: State | None = None, every_s: float = 2.0) -> list[Level]:
    """The level after each look."""
    state, now_us, levels = state or State(), 0, []
    for lag in lags:
        now_us += round(every_s * SECOND_US)
        state = step(state, lag, now_us)
        levels.append(state.level)
    return levels


# --- the state machine ---------------------------------------------------------------------------


def test_a_growing_backlog_costs_debug_logs_first_and_then_spans():
    levels = run([Lag(seconds=float(age)) for age in range(0, 100, 2)])
    assert levels == sorted(levels)
    assert levels[-1] is Level.SPANS
    assert levels.count(Level.DEBUG_LOGS) * 2 * SECOND_US >= PATIENCE_US


@pytest.mark.parametrize("bound", [Lag(seconds=1e9), Lag(records=10**9), Lag(bytes=10**12)])
def test_each_measure_of_the_backlog_counts_alone(bound: Lag):
    assert run([Lag(bound.records, bound.bytes, bound.seconds)] * 20)[-1] is Level.SPANS


def test_a_backlog_that_is_worked_off_costs_nothing():
    """A store that is filled anew: far behind, but catching up all the time."""
    assert set(run([Lag(10**6, 10**12, 1e6 - n) for n in range(500)])) == {Level.NOTHING}


def test_a_small_lag_costs_nothing_however_long_it_stays():
    small = Lag(records=BOUNDS[Level.DEBUG_LOGS].records - 1, seconds=5.0)
    assert set(run([small] * 200)) == {Level.NOTHING}


def test_levels_fall_one_by_one_and_only_after_calm():
    spans = State(Level.SPANS, 50.0, 0)
    levels = run([Lag()] * 20, spans)
    assert levels[0] is Level.SPANS
    assert levels[-1] is Level.NOTHING
    assert [one for one in Level if one in levels] == list(Level)
    busy = Lag(records=CALM.records)
    assert set(run([Lag(), Lag(), busy] * 20, spans)) == {Level.SPANS}


LAGS = st.builds(
    Lag, st.integers(0, 100_000), st.integers(0, 1 << 31), st.floats(0, 100, allow_nan=False)
)


@given(st.lists(LAGS, max_size=60))
def test_a_level_moves_by_one_and_never_twice_within_the_patience(lags: list[Lag]):
    state, now_us, changed_us = State(), 0, -PATIENCE_US
    for lag in lags:
        now_us += 2 * SECOND_US
        after = step(state, lag, now_us)
        if after.level != state.level:
            assert abs(after.level - state.level) == 1
            assert now_us - changed_us >= PATIENCE_US
            changed_us = now_us
            if after.level > state.level:
                assert lag.reaches(BOUNDS[after.level])
            else:
                assert not lag.reaches(CALM)
        state = after


@given(st.lists(st.integers(0, 24), max_size=20), st.sampled_from(list(Level)))
def test_only_trace_and_debug_logs_are_given_up(severities: list[int], level: Level):
    rows = [LogRow(1, n, 0, "s", severity, "") for n, severity in enumerate(severities)]
    kept = kept_logs(rows, level)
    if level is Level.NOTHING:
        assert kept == rows
    else:
        assert [row.severity for row in kept] == [one for one in severities if not 1 <= one <= 8]


# --- the projector -------------------------------------------------------------------------------


def logs(world: World, *severities: int) -> dict[str, Any]:
    now = str(world.clock.now_us() * 1000)
    records = [{"timeUnixNano": now, "severityNumber": one} for one in severities]
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}


def charge(world: World, number: int) -> dict[str, Any]:
    now = str(world.clock.now_us() * 1000)
    named = {"key": "tillwatch.payment_id", "value": {"stringValue": f"p{number}"}}
    span = {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": "charge",
        "startTimeUnixNano": now,
        "endTimeUnixNano": now,
        "attributes": [named],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}


def send(world: World, signal: Any, document: dict[str, Any]) -> str:
    body = json.dumps(document).encode()
    prepared = world.otlp.prepare(signal, body, as_json=True, encoding="", sender="shop")
    assert prepared.append is not None
    return world.writer.append(prepared.append).result(20).receipt


def press(world: World, level: Level) -> None:
    """The projector is as far behind as it takes, until it looks again."""
    world.projector._pressure = State(level, 0.0, world.clock.now_us())
    world.projector._looked_us = world.clock.now_us()


def told(world: World) -> set[str]:
    reader = JournalReader(world.derived_path)
    records = reader.read([Stream.DERIVED], 0)
    reader.close()
    return {event.payment_id for record in records for event in decode_events(record.body)}


def test_debug_logs_go_first_and_everything_else_stays(world: World) -> None:
    receipt = send(world, LOGS, logs(world, 5, 9, 1, 17, 0))
    send(world, TRACES, charge(world, 1))
    press(world, Level.DEBUG_LOGS)
    world.project()
    assert sorted(row.severity for row in world.store.logs(**EVER)) == [0, 9, 17]
    assert len(world.store.trace(f"{2:032x}")) == 1
    (shed,) = world.store.shed_items()
    assert (shed.source, shed.name, shed.amount) == ("shop", shedding.DEBUG_LOG, 2)
    found = world.client("viewer-token").get(f"/api/receipts/{receipt}").json()
    assert found["shed"] == {"debug_log": 2}


def test_spans_go_next_but_no_business_event_of_theirs(world: World) -> None:
    receipts = [send(world, TRACES, charge(world, number)) for number in range(5)]
    world.client().post("/api/events", json={"type": "payment.failed", "id": "e1"})
    press(world, Level.SPANS)
    world.project()
    assert world.store.spans(**EVER) == []
    assert told(world) == {f"p{number}" for number in range(5)}
    assert len(world.store.events(**EVER)) == 6
    (shed,) = world.store.shed_items()
    assert (shed.name, shed.amount) == (shedding.SPAN, 5)
    ask = world.client("viewer-token").get
    assert [ask(f"/api/receipts/{one}").json()["shed"] for one in receipts] == [{"span": 1}] * 5
    press(world, Level.NOTHING)
    last = send(world, TRACES, charge(world, 9))
    world.project()
    assert ask(f"/api/receipts/{last}").json()["shed"] == {}
    assert len(world.store.spans(**EVER)) == 1


def test_a_projector_that_stays_behind_sheds_by_itself_and_recovers(world: World) -> None:
    """The store takes nothing for a while, then one step in seconds; then all is calm again."""
    for number in range(300):
        send(world, TRACES, charge(world, number))
    world.find()
    levels = []
    for _ in range(60):
        world.clock.advance_s(3)
        world.projector._look(world.store.cursor())
        levels.append(world.projector._pressure.level)
    assert levels[0] is Level.NOTHING
    assert levels[-1] is Level.SPANS
    world.project()
    limits = world.client("viewer-token").get("/api/limits").json()
    assert limits["shedding"] == {"level": 2, "given_up": "debug logs and spans"}
    assert [one["items"] for one in limits["shed"]] == [300]
    assert "cannot keep up" in world.limits.warning()
    for _ in range(60):
        world.clock.advance_s(3)
        world.projector.step()
    assert world.projector._pressure.level is Level.NOTHING
    assert world.limits.warning() == ""
    send(world, TRACES, charge(world, 1_000))
    world.project()
    assert len(world.store.spans(**EVER)) == 1


def test_a_step_that_is_done_again_counts_what_it_shed_once(world: World) -> None:
    send(world, TRACES, charge(world, 1))
    press(world, Level.SPANS)
    world.find()
    write = world.store.write_as

    def killed(*_: Any) -> None:
        raise OSError("killed")

    world.store.write_as = killed  # type: ignore[method-assign]
    for _ in range(2):
        with pytest.raises(OSError, match="killed"):
            world.projector.step()
    world.store.write_as = write  # type: ignore[method-assign]
    world.project()
    assert [one.amount for one in world.store.shed_items()] == [1]


def test_a_replay_is_never_shed(world: World) -> None:
    send(world, TRACES, charge(world, 1))
    press(world, Level.SPANS)
    world.project()
    reader = JournalReader(world.journal_path)
    (record,) = reader.read([Stream.RAW], 0)
    reader.close()
    world.writer.append(replay_of(record, "shop")).result(20)
    world.project()
    assert len(world.store.spans(**EVER)) == 1


def test_the_metrics_tell_level_items_and_values(world: World) -> None:
    send(world, TRACES, charge(world, 1))
    press(world, Level.SPANS)
    world.project()
    registry = CollectorRegistry()
    registry.register(LimitsCollector(world.limits, world.store))
    text = generate_latest(registry).decode()
    assert "tillwatch_shedding_level 2.0" in text
    assert 'tillwatch_shed_items_total{class="span",source="shop"} 1.0' in text
