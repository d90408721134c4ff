"""Replays reach the ledger once: the budget's slice is revised by exactly one attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace as changed
from typing import Any

import pytest

import collector.events.item
import collector.finder
import collector.projector
from collector.deadletters.choosing import Choice
from collector.deadletters.replay import Wish
from collector.otel_demo import event_of_span
from collector.otlp.json_decode import decode_json
from collector.otlp.signals import TRACES
from collector.replays import replay_of
from kernel.clock import DAY_US, MINUTE_US, rfc3339
from kernel.journal import Append, Item, JournalReader, Stream
from slo.ledger import LedgerReader, LedgerWriter
from slo.ledger.projector import LedgerProjector
from tests.collector.world import TOKENS, World
from tests.slo.ledger.till import payments

RITA = TOKENS["responder-token"]
OBJECTIVE = payments()


class Account:
    """The ledger over a world's journals."""

    def __init__(self, world: World) -> None:
        self.world = world
        path = world.folder / "ledger.db"
        writer = LedgerWriter(path, world.clock, [OBJECTIVE])
        self._projector = LedgerProjector(writer, world.journal_path, world.derived_path)
        self._reader = LedgerReader(path)

    def counts(self) -> tuple[int, int]:
        """(good, bad) of the days around now."""
        self.world.project()
        while self._projector.step():
            pass
        now_us = self.world.clock.now_us()
        sums = self._reader.sums(OBJECTIVE, now_us - 2 * DAY_US, now_us + DAY_US)
        return sums.good, sums.bad

    def close(self) -> None:
        self._projector.close()
        self._reader.close()


@pytest.fixture
def account(world: World) -> Iterator[Account]:
    made = Account(world)
    yield made
    made.close()


def payment(world: World, name: str, kind: str = "payment.failed", **more: Any) -> dict[str, Any]:
    time = rfc3339(world.clock.now_us() - MINUTE_US)
    return {
        "id": f"event of {name}",
        "source": "till",
        "type": kind,
        "time": time,
        "data": {"payment_id": name, **more},
    }


def replay(world: World, name: str, **more: Any) -> str:
    report = world.replayer.replay(Wish(Choice(ids=(name,)), **more), RITA)
    return str(report.results[0].outcome)


def test_a_replayed_item_revises_the_slice_of_its_own_time_by_one(
    world: World, account: Account
) -> None:
    sent_us = world.clock.now_us()
    bad = payment(world, "p2", amount_minor=500)
    events = [payment(world, "p1", "payment.succeeded"), bad]
    receipt = world.client().post("/api/events", json=events).json()["receipt"]
    assert account.counts() == (1, 0)
    world.clock.advance_s(3_600)
    name = f"{receipt}:1"
    assert replay(world, name) == "rejected"
    assert account.counts() == (1, 0)
    fix = {"data": {"currency": "EUR"}}
    assert replay(world, name, patch=fix) == "stored"
    assert account.counts() == (1, 1)
    around = sent_us - 2 * MINUTE_US, sent_us
    assert account._reader.sums(OBJECTIVE, *around).bad == 1
    assert replay(world, name, patch=fix) == "replayed"
    # Its sender mends it, too, and sends it under its id: the same attempt.
    bad["data"]["currency"] = "EUR"
    assert world.client().post("/api/events", json=[bad]).json()["duplicates"] == 1
    assert account.counts() == (1, 1)


def test_an_attempt_that_its_sender_told_otherwise_since_counts_once(
    world: World, account: Account
) -> None:
    bad = payment(world, "p2", amount_minor=500)
    receipt = world.client().post("/api/events", json=[bad]).json()["receipt"]
    told = payment(world, "p2", "payment.failed", amount_minor=500, currency="EUR")
    world.client().post("/api/events", json=[{**told, "id": "under another id"}])
    assert account.counts() == (0, 1)
    fix = {"data": {"currency": "EUR"}}
    assert replay(world, f"{receipt}:0", patch=fix) == "stored"
    assert account.counts() == (0, 1)


def store(world: World, body: bytes) -> int:
    append = Append(Stream.RAW, "shop", TRACES.format, [Item(body)], whole=True)
    position = world.writer.append(append).result(20).position
    assert position is not None
    return position


def charge(world: World, payment_id: str) -> bytes:
    now_ns = str(world.clock.now_us() * 1000)
    named = {"key": "tillwatch.payment_id", "value": {"stringValue": payment_id}}
    span = {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "charge",
        "startTimeUnixNano": now_ns,
        "endTimeUnixNano": now_ns,
        "attributes": [named] if payment_id else [],
    }
    if not payment_id:
        span["attributes"] = [{"key": "demo.payment.card_type", "value": {"stringValue": "x"}}]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_a_record_that_a_mended_rule_can_read_counts_once(
    world: World, account: Account, monkeypatch
) -> None:
    position = store(world, charge(world, "p7"))
    assert account.counts() == (0, 0)
    for module in (collector.finder, collector.projector):
        monkeypatch.setattr(
            module, "message_of", lambda record, *_: decode_json(record.body, TRACES.request())
        )
    assert replay(world, f"record:{position}") == "reading"
    assert account.counts() == (1, 0)
    assert replay(world, f"record:{position}") == "replayed"
    world.restart()
    assert account.counts() == (1, 0)


@pytest.mark.parametrize("payment_id", ["p7", ""])
def test_a_mended_mapping_revises_what_was_counted_before(
    world: World, account: Account, monkeypatch, payment_id: str
) -> None:
    message = decode_json(charge(world, payment_id), TRACES.request())
    position = store(world, message.SerializeToString())
    assert account.counts() == (1, 0)

    def mended(span: Any, **more: Any) -> Any:
        attributes = {**span.attributes, "tillwatch.outcome": "failed"}
        return event_of_span(changed(span, attributes=attributes), **more)

    monkeypatch.setattr(collector.finder, "event_of_span", mended)
    reader = JournalReader(world.journal_path)
    record = reader.record(position)
    reader.close()
    assert record is not None
    for _ in range(2):  # the same telling again is a repeat
        world.writer.append(replay_of(record, "shop")).result(20)
        assert account.counts() == (0, 1)
    # The store shows the newest telling alone, under the same id.
    (row,) = world.store.events(from_us=0, to_us=1 << 60)
    assert (row.event.id, row.event.type) == (f"{position}:0", "payment.failed")


def test_a_shop_record_that_could_not_be_read_counts_once_it_can(
    world: World, account: Account, monkeypatch
) -> None:
    body = json.dumps(payment(world, "p3")).encode()
    item = Item(body)
    append = Append(Stream.SHOP, "shop", "shop.events", [item])
    position = world.writer.append(append).result(20).position
    assert account.counts() == (0, 0)

    def mended(data: bytes) -> Any:
        events = json.loads(data)
        context = collector.events.item.Context(world.clock.now_us(), "shop", strict=False)
        return [collector.events.item.shop_event(one, context) for one in events]

    for module in (collector.finder, collector.projector):
        monkeypatch.setattr(module, "decode_events", mended)
    assert replay(world, f"record:{position}") == "reading"
    world.find()
    monkeypatch.undo()
    assert account.counts() == (0, 1)
