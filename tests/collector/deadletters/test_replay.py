"""Replays: today's rules decide, it counts once, and who asked is on record."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

import collector.events.item
import collector.finder
import collector.projector
from collector.deadletters.choosing import Choice
from collector.deadletters.replay import Report, Wish
from collector.otlp.json_decode import decode_json
from collector.otlp.signals import TRACES
from kernel.clock import MINUTE_US, rfc3339
from kernel.errors import BadInput
from kernel.journal import Append, Item, JournalReader, JournalRecord, LetterFilter, Stream
from kernel.shop_event import ShopEvent, decode_events
from tests.collector.world import TOKENS, World

EVER = {"from_us": 0, "to_us": 1 << 60}
RITA = TOKENS["responder-token"]
# Accepted as soon as the shop's word for it is known.
JSON = {"Content-Type": "application/json"}
UNKNOWN = "payment.captured"


def payment(world: World, **more: Any) -> dict[str, Any]:
    data = {"payment_id": "p1", "amount_minor": 1999, "currency": "EUR"}
    return {
        "id": "e1",
        "source": "till",
        "type": "payment.succeeded",
        "time": rfc3339(world.clock.now_us() - MINUTE_US),
        "data": data,
        **more,
    }


def refuse(world: World, *events: Any) -> list[str]:
    """Send a batch of which everything is refused; gives the letters' ids."""
    answer = world.client().post("/api/events", json=list(events)).json()
    assert len(answer["rejected"]) == len(events)
    return [f"{answer['receipt']}:{one['index']}" for one in answer["rejected"]]


def mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule is mended: the type is known now."""
    types = collector.events.item._TAKEN | {UNKNOWN}
    monkeypatch.setattr(collector.events.item, "_TAKEN", types)


def replay(world: World, *ids: str, **more: Any) -> Report:
    return world.replayer.replay(Wish(Choice(ids=ids), **more), RITA)


def outcomes(report: Report) -> list[str]:
    return [str(one.outcome) for one in report.results]


def stored(world: World) -> list[ShopEvent]:
    reader = JournalReader(world.journal_path)
    try:
        records = reader.read([Stream.SHOP], 0)
    finally:
        reader.close()
    return [event for record in records for event in decode_events(record.body)]


def records_of(world: World, kind: str) -> list[Any]:
    return list(world.log.entries(type=kind))


# --- items ---------------------------------------------------------------------------------------


def test_an_item_is_stored_with_its_key_and_its_time_once_the_rule_is_mended(
    world: World, monkeypatch
) -> None:
    sent_us = world.clock.now_us()
    (name,) = refuse(world, payment(world, type=UNKNOWN))
    mend(monkeypatch)
    world.clock.advance_s(3_600)
    report = replay(world, name)
    assert outcomes(report) == ["stored"]
    (event,) = stored(world)
    assert (event.id, event.source, event.type) == ("e1", "till", UNKNOWN)
    assert event.time_us == sent_us - MINUTE_US
    shown = world.letters.show(name)
    assert (shown["state"], shown["replayed_as"]) == ("replayed", report.results[0].receipt)
    receipt = world.client("viewer-token").get(f"/api/receipts/{shown['receipt']}").json()
    assert receipt["rejected"][0]["replayed"] == report.results[0].receipt


def test_an_item_without_time_counts_when_it_was_received(world: World, monkeypatch) -> None:
    sent_us = world.clock.now_us()
    (name,) = refuse(world, {"type": UNKNOWN, "payment_id": "p1"})
    mend(monkeypatch)
    world.clock.advance_s(3_600)
    replay(world, name)
    (event,) = stored(world)
    assert (event.time_us, event.source, event.id) == (sent_us, "shop", f"deadletter:{name}")


def test_replaying_twice_stores_once(world: World, monkeypatch) -> None:
    (name,) = refuse(world, {"type": UNKNOWN})
    mend(monkeypatch)
    assert outcomes(replay(world, name)) == ["stored"]
    again = replay(world, name)
    assert outcomes(again) == ["replayed"]
    assert len(stored(world)) == 1


def test_what_its_sender_sent_since_is_a_duplicate_and_closes_the_letter(
    world: World, monkeypatch
) -> None:
    (name,) = refuse(world, payment(world, type=UNKNOWN))
    mend(monkeypatch)
    world.client().post("/api/events", json=[payment(world, type=UNKNOWN)])
    assert str(world.replayer.preview(name).outcome) == "duplicate"
    assert outcomes(replay(world, name)) == ["duplicate"]
    assert len(stored(world)) == 1
    assert world.letters.show(name)["state"] == "replayed"


def test_what_is_still_bad_stays_with_its_new_reason(world: World, monkeypatch) -> None:
    (name,) = refuse(world, payment(world, type=UNKNOWN, data={"amount_minor": -5}))
    mend(monkeypatch)
    report = replay(world, name)
    assert outcomes(report) == ["rejected"]
    shown = world.letters.show(name)
    assert (shown["state"], shown["rule"], shown["tries"]) == ("waiting", "event.amount_minor", 1)
    assert "2^53" in shown["reason"]
    assert stored(world) == []


def test_a_fix_is_merged_checked_redacted_and_recorded(world: World) -> None:
    broken = payment(world)
    del broken["data"]["currency"]
    (name,) = refuse(world, broken)
    assert outcomes(replay(world, name, patch={"data": {"currency": "euro"}})) == ["rejected"]
    fix = {"data": {"currency": "EUR", "note": "ada@example.org 4111 1111 1111 1111"}}
    assert outcomes(replay(world, name, patch=fix)) == ["stored"]
    (event,) = stored(world)
    assert (event.currency, event.amount_minor) == ("EUR", 1999)
    assert b"example.org" not in world.journal_bytes()
    assert b"4111" not in world.journal_bytes()
    intents = records_of(world, "deadletter.replay")
    assert [one.data["patched"] for one in intents] == [True, True]
    kept = json.loads(world.log.payload(intents[0].id, "patch"))
    assert kept["data"]["currency"] == "EUR"


def test_a_dry_run_changes_nothing_and_is_not_recorded(world: World, monkeypatch) -> None:
    (name,) = refuse(world, payment(world, type=UNKNOWN))
    assert outcomes(replay(world, name, dry_run=True)) == ["rejected"]
    mend(monkeypatch)
    assert outcomes(replay(world, name, dry_run=True)) == ["stored"]
    assert (stored(world), world.letters.show(name)["tries"]) == ([], 0)
    assert records_of(world, "deadletter.*") == []


def test_a_replay_is_recorded_before_and_after(world: World, monkeypatch) -> None:
    names = refuse(world, payment(world, type=UNKNOWN), payment(world, type=""))
    mend(monkeypatch)
    report = replay(world, *names)
    after, before = records_of(world, "deadletter.*")
    assert (before.type, after.type) == ("deadletter.replay", "deadletter.replayed")
    assert (after.id, after.parent) == (report.record, [before.id])
    assert after.data == {"count": 2, "stored": 1, "rejected": 1}
    assert before.actor.ref == RITA.person_id
    assert json.loads(world.log.payload(before.id, "letters")) == names


def test_a_disk_that_refuses_leaves_the_letter_waiting(world: World, monkeypatch) -> None:
    (name,) = refuse(world, payment(world, type=UNKNOWN))
    mend(monkeypatch)
    world.writer.close()
    answer = world.client("admin-token").post(f"/api/deadletters/{name}/replay", json={})
    assert answer.status_code == 503
    assert world.letters.show(name)["state"] == "waiting"


@pytest.mark.parametrize("body", ["{", '{"id": 1, "id": 2}', "\xff"])
def test_of_what_cannot_be_decoded_only_length_and_digest_are_kept(world: World, body: str) -> None:
    data = body.encode("latin-1")
    answer = world.client().post("/api/events", content=b"[" + data + b"]", headers=JSON)
    assert answer.status_code in {202, 400}
    (letter,) = world.letters.list()
    assert letter["reason"]
    assert letter["length"] in {len(data), len(data) + 2}
    assert len(letter["digest"]) == 64
    assert world.letters.show(letter["id"])["item"] is None
    assert outcomes(replay(world, letter["id"])) == ["impossible"]


def test_a_letter_older_than_the_keys_is_not_replayed(world: World, monkeypatch) -> None:
    (name,) = refuse(world, payment(world, type=UNKNOWN))
    mend(monkeypatch)
    world.clock.advance_s(7 * 86_400 + 1)
    report = replay(world, name)
    assert outcomes(report) == ["impossible"]
    assert "count twice" in report.results[0].reason


def test_an_unknown_format_can_only_be_sent_again(world: World) -> None:
    kept = collector.rejections.Kept("adyen/1", body=b"{}")
    refused = {"index": 0, "path": "$", "reason": "unsigned", "kept": kept}
    append = Append(Stream.RAW, "adyen", "webhook.adyen", [], rejected=[refused])
    receipt = world.writer.append(append).result(20).receipt
    report = replay(world, f"{receipt}:0")
    assert outcomes(report) == ["impossible"]
    assert "only its sender" in report.results[0].reason


def test_a_change_is_replayed_and_projected_once(world: World) -> None:
    change = {"kind": "deploy", "id": "d1", "version": "1.2"}
    answer = world.client().post("/api/changes", json=[change]).json()
    name = f"{answer['receipt']}:0"
    assert world.letters.show(name)["rule"] == "change.service"
    assert outcomes(replay(world, name, patch={"service": "checkout"})) == ["stored"]
    world.project()
    (row,) = world.store.changes(**EVER)
    assert (row.service, row.version) == ("checkout", "1.2")


def span(world: World, **more: Any) -> dict[str, Any]:
    now_ns = world.clock.now_us() * 1000
    return {
        "traceId": "ab" * 16,
        "spanId": "cd" * 8,
        "name": "charge",
        "startTimeUnixNano": str(now_ns),
        "endTimeUnixNano": str(now_ns),
        "attributes": [
            {"key": "tillwatch.payment_id", "value": {"stringValue": "p9"}},
            {"key": "user.email", "value": {"stringValue": "ada@example.org"}},
            {"key": "card_number", "value": {"stringValue": "4111111111111111"}},
        ],
        **more,
    }


def export(world: World, *spans: dict[str, Any]) -> str:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "payment"}}]}
    group = {"resource": resource, "scopeSpans": [{"scope": {"name": "s"}, "spans": list(spans)}]}
    body = json.dumps({"resourceSpans": [group]}).encode()
    prepared = world.otlp.prepare(TRACES, body, as_json=True, encoding="", sender="shop")
    assert prepared.append is not None
    return world.writer.append(prepared.append).result(20).receipt


def test_a_refused_span_is_kept_as_the_smallest_export_and_can_be_mended(world: World) -> None:
    receipt = export(world, span(world), span(world, traceId="00" * 16, spanId="ef" * 8))
    (letter,) = world.letters.list()
    assert (letter["id"], letter["rule"]) == (f"{receipt}:1", "otlp.trace_id")
    item = world.letters.show(letter["id"])["item"]
    (group,) = item["resourceSpans"]
    (kept,) = group["scopeSpans"][0]["spans"]
    assert (kept["spanId"], group["scopeSpans"][0]["scope"]) == ("ef" * 8, {"name": "s"})
    assert b"example.org" not in world.journal_bytes()
    assert b"4111" not in world.journal_bytes()
    assert outcomes(replay(world, letter["id"])) == ["rejected"]
    kept["traceId"] = "11" * 16
    assert outcomes(replay(world, letter["id"], patch=item)) == ["stored"]
    world.project()
    (row,) = world.store.trace("11" * 16)
    assert (row.service, row.name) == ("payment", "charge")
    assert len(world.store.events(**EVER)) == 2


# --- many ----------------------------------------------------------------------------------------


def test_all_letters_of_a_rule_are_replayed_in_bounded_batches(world: World, monkeypatch) -> None:
    refuse(world, *({"type": UNKNOWN, "id": str(number)} for number in range(5)))
    refuse(world, {"type": "payment.succeeded", "amount_minor": "x"})
    mend(monkeypatch)
    choice = Choice(rule="event.type.unknown", limit=2)
    seen: list[str] = []
    cursor, batches = "", 0
    while batches == 0 or cursor:
        wish = Wish(Choice(rule=choice.rule, limit=2, cursor=cursor))
        report = world.replayer.replay(wish, RITA)
        assert len(report.results) <= 2
        seen += outcomes(report)
        cursor, batches = report.next, batches + 1
    assert seen == ["stored"] * 5
    assert len(stored(world)) == 5
    assert [one["rule"] for one in world.letters.list() if one["state"] == "waiting"] == [
        "event.amount_minor"
    ]


def test_what_broke_off_goes_on_where_it_was(world: World, monkeypatch) -> None:
    refuse(world, *({"type": UNKNOWN, "id": str(number)} for number in range(4)))
    mend(monkeypatch)
    assert len(world.replayer.replay(Wish(Choice(limit=3)), RITA).results) == 3
    report = world.replayer.replay(Wish(Choice()), RITA)
    assert (outcomes(report), report.next) == (["stored"], "")


def test_one_bad_letter_never_stops_a_batch_and_is_not_asked_twice(world: World) -> None:
    refuse(world, *({"type": "x"} for _ in range(3)))
    cursor, asked = "", 0
    for _ in range(10):
        report = world.replayer.replay(Wish(Choice(limit=1, cursor=cursor)), RITA)
        asked += len(report.results)
        cursor = report.next
        if not cursor:
            break
    assert asked == 3


# --- records -------------------------------------------------------------------------------------


def readable_as_json(record: JournalRecord, _: bytes | None = None) -> Any:
    """A mended rule: it reads exports that were stored as JSON."""
    return decode_json(record.body, TRACES.request())


def quarantine(world: World) -> int:
    """A stored record of one span that the projector cannot read."""
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span(world)]}]}]}).encode()
    append = Append(Stream.RAW, "shop", TRACES.format, [Item(body)], whole=True)
    position = world.writer.append(append).result(20).position
    world.project()
    assert position is not None
    assert [one.position for one in world.store.deadletters()] == [position]
    return position


def test_a_record_is_read_again_once_a_rule_can_read_it(world: World, monkeypatch) -> None:
    position = quarantine(world)
    name = f"record:{position}"
    assert outcomes(replay(world, name)) == ["rejected"]
    for module in (collector.finder, collector.projector):
        monkeypatch.setattr(module, "message_of", readable_as_json)
    assert outcomes(replay(world, name)) == ["reading"]
    world.project()
    (row,) = world.store.trace("ab" * 16)
    (event,) = world.store.events(**EVER)
    assert (row.position, row.item) == (position, 0)
    assert (event.event.id, event.event.payment_id) == (f"{position}:0", "p9")
    assert world.letters.show(name)["state"] == "replayed"
    assert outcomes(replay(world, name)) == ["replayed"]


def test_a_store_that_is_made_anew_ends_with_the_same_rows(world: World, monkeypatch) -> None:
    position = quarantine(world)
    for module in (collector.finder, collector.projector):
        monkeypatch.setattr(module, "message_of", readable_as_json)
    replay(world, f"record:{position}")
    world.project()
    before = world.store.events(**EVER), world.store.trace("ab" * 16)
    world.store.close()
    world.memory.close()
    shutil.rmtree(world.folder / "telemetry")
    world.restart()
    world.project()
    assert (world.store.events(**EVER), world.store.trace("ab" * 16)) == before


def test_a_record_read_twice_adds_nothing(world: World, monkeypatch) -> None:
    position = quarantine(world)
    for module in (collector.finder, collector.projector):
        monkeypatch.setattr(module, "message_of", readable_as_json)
    reader = JournalReader(world.journal_path)
    record = reader.record(position)
    reader.close()
    assert record is not None
    for _ in range(2):
        world.writer.append(collector.projector.replays.replay_of(record, "shop")).result(20)
    world.restart()
    world.project()
    assert len(world.store.trace("ab" * 16)) == 1
    assert len(world.store.events(**EVER)) == 1


def test_the_receipt_of_a_record_is_projected_once_it_was_read_again(
    world: World, monkeypatch
) -> None:
    position = quarantine(world)
    reader = JournalReader(world.journal_path)
    record = reader.record(position)
    reader.close()
    assert record is not None
    ask = world.client("viewer-token").get
    assert ask(f"/api/receipts/{record.receipt}").json()["projected"] is False
    for module in (collector.finder, collector.projector):
        monkeypatch.setattr(module, "message_of", readable_as_json)
    replay(world, f"record:{position}")
    world.project()
    found = ask(f"/api/receipts/{record.receipt}").json()
    assert (found["projected"], found["quarantined"]) == (True, [])


def test_a_record_that_is_gone_or_derived_cannot_be_read_again(world: World) -> None:
    position = quarantine(world)
    assert outcomes(replay(world, f"record:{position}", patch={"a": 1})) == ["impossible"]
    item = Item(b"{}")
    world.derived.append(Append(Stream.DERIVED, "s", "shop.events", [item])).result(20)
    world.project()
    derived = min(one.position for one in world.store.deadletters())
    assert outcomes(replay(world, f"record:{derived}")) == ["impossible"]
    world.clock.advance_s(8 * 86_400)
    while world.writer.trim(position + 1).result(20):
        pass
    report = replay(world, f"record:{position}")
    assert report.results[0].reason == "the record is no longer kept"


def test_records_follow_items_in_a_batch(world: World) -> None:
    quarantine(world)
    refuse(world, {"type": "x"})
    report = world.replayer.replay(Wish(Choice()), RITA)
    assert [one.id.split(":")[0] == "record" for one in report.results] == [False, True]
    with pytest.raises(BadInput):
        world.replayer.replay(Wish(Choice(cursor="item:x")), RITA)
    assert world.letters.waiting_records(collector.deadletters.choosing.LettersWanted(), limit=5)
    reader = JournalReader(world.journal_path)
    assert len(reader.letters(LetterFilter(waiting=True))) == 1
    reader.close()
