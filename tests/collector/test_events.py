"""`POST /api/events`: every form of body, every bad one, and what became of it."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.events.data_rules import DataRules
from collector.events.decode import decode
from collector.events.item import Context, shop_event
from kernel.clock import DAY_US, MINUTE_US, rfc3339
from kernel.errors import BadInput
from kernel.journal import JournalReader, Stream
from kernel.shop_event import ShopEvent, decode_events
from tests.collector.world import World

NDJSON = {"Content-Type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}
CE = {"Content-Type": "application/cloudevents+json"}
CE_BATCH = {"Content-Type": "application/cloudevents-batch+json"}


def event(**more: object) -> dict:
    return {"type": "payment.succeeded", "id": "e1", "data": {"payment_id": "p1"}, **more}


def stored(world: World) -> list[ShopEvent]:
    reader = JournalReader(world.journal_path)
    found = [one for record in reader.read([Stream.SHOP], 0) for one in decode_events(record.body)]
    reader.close()
    return found


def test_one_event_is_stored_before_the_answer(world: World) -> None:
    answer = world.client().post(
        "/api/events",
        json={
            "type": "payment.failed",
            "id": "e1",
            "source": "till",
            "time": rfc3339(world.clock.now_us()),
            "data": {
                "payment_id": "p1",
                "amount_minor": 1999,
                "currency": "EUR",
                "decline_class": "technical",
                "latency_ms": 120.5,
                "basket": {"size": 3, "tags": ["a", "b"]},
                "attributes": {"shop": "berlin"},
            },
        },
    )
    assert answer.status_code == 202
    body = answer.json()
    assert {name: body[name] for name in ("accepted", "duplicates", "rejected")} == {
        "accepted": 1,
        "duplicates": 0,
        "rejected": [],
    }
    (found,) = stored(world)
    assert (found.source, found.payment_id, found.amount_minor) == ("till", "p1", 1999)
    assert found.attributes == {
        "shop": "berlin",
        "basket.size": 3,
        "basket.tags": '["a","b"]',
    }


def test_the_flat_form_and_the_defaults(world: World) -> None:
    answer = world.client().post(
        "/api/events", json={"type": "checkout.completed", "checkout_id": 77, "channel": "web"}
    )
    (found,) = stored(world)
    assert (found.source, found.checkout_id, found.channel) == ("shop", "77", "web")
    assert found.time_us == world.clock.now_us()
    assert answer.json()["generated_ids"] == [{"index": 0, "id": found.id}]


def test_a_repeat_is_a_duplicate_and_is_counted(world: World) -> None:
    client = world.client()
    client.post("/api/events", json=event())
    answer = client.post("/api/events", json=[event(), event(id="e2"), event(id="e2")])
    assert answer.json()["accepted"] == 1
    assert answer.json()["duplicates"] == 2
    assert [one.id for one in stored(world)] == ["e1", "e2"]


def test_one_bad_item_never_sinks_its_batch(world: World) -> None:
    good = [event(id=f"g{i}") for i in range(3)]
    bad = [
        event(type="payment.suceeded"),
        event(data={"amount_minor": 1.5, "currency": "EUR"}),
        17,
    ]
    answer = world.client().post("/api/events", json=[good[0], *bad, *good[1:]])
    body = answer.json()
    assert answer.status_code == 202
    assert body["accepted"] == 3
    assert [one["index"] for one in body["rejected"]] == [1, 2, 3]
    assert "payment.succeeded" in body["rejected"][0]["reason"]
    assert "$.data.amount_minor" in body["rejected"][1]["reason"]


BREAKERS = [
    '{"type":"a.b.c","type":"payment.succeeded"}',
    '{"type":"a.b.c","n":NaN}',
    '{"type":"a.b.c","n":1e999}',
    '{"type":"a.b.c","n":' + "9" * 5_000 + "}",
    '{"type":"a.b.c","n":"\\ud800"}',
    '{"a":' * 70 + "1" + "}" * 70,
]


@settings(max_examples=60, deadline=None)
@given(
    others=st.lists(st.text(max_size=8), max_size=6),
    at=st.integers(0, 6),
    breaker=st.sampled_from(BREAKERS),
    gap=st.sampled_from(["", " ", "\n\t "]),
)
def test_an_item_that_breaks_a_rule_of_json_is_a_bad_item_alone(
    others: list[str], at: int, breaker: str, gap: str
) -> None:
    texts = [json.dumps({"type": "a.b.c", "x": other}) for other in others]
    at = min(at, len(texts))
    texts.insert(at, breaker)
    body = f"{gap}[{gap}" + f"{gap},{gap}".join(texts) + f"{gap}]{gap}"
    items = decode(body.encode(), JSON).items
    assert [one.index for one in items if one.error] == [at]
    assert [one.value["x"] for one in items if not one.error] == others


@pytest.mark.parametrize("body", ['[{"n":NaN},]', '[{"n":NaN} {}]', '[{"n":NaN}', '[{"n":NaN}]]'])
def test_an_array_that_is_none_is_refused_whole(body: str) -> None:
    with pytest.raises(BadInput):
        decode(body.encode(), JSON)


def test_ndjson_rejects_a_bad_line_alone(world: World) -> None:
    lines = [json.dumps(event()), "{broken", "", json.dumps(event(id="e2"))]
    answer = world.client().post("/api/events", content="\n".join(lines), headers=NDJSON)
    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    assert answer.json()["rejected"][0]["index"] == 1


def test_cloudevents_in_all_three_modes(world: World) -> None:
    client = world.client()
    one = event(specversion="1.0", source="till")
    assert client.post("/api/events", content=json.dumps(one), headers=CE).status_code == 202
    batch = json.dumps([{**one, "id": "e2"}, {**one, "id": "e3"}])
    assert client.post("/api/events", content=batch, headers=CE_BATCH).json()["accepted"] == 2
    answer = client.post(
        "/api/events",
        content=b'{"payment_id": "p4"}',
        headers={
            "Content-Type": "application/json",
            "ce-specversion": "1.0",
            "ce-id": '"Euro%20%E2%82%AC"',
            "ce-source": "till",
            "ce-type": "payment.failed",
            "ce-traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
        },
    )
    assert answer.status_code == 202, answer.text
    found = stored(world)
    assert [one.id for one in found] == ["e1", "e2", "e3", "Euro \u20ac"]
    assert (found[3].payment_id, found[3].trace_id) == ("p4", "ab" * 16)


def test_an_empty_batch_is_fine_and_a_cloudevent_needs_its_attributes(world: World) -> None:
    client = world.client()
    assert client.post("/api/events", content="[]", headers=CE_BATCH).json()["accepted"] == 0
    for missing in ("id", "source", "specversion", "type"):
        one = event(specversion="1.0", source="till")
        del one[missing]
        answer = client.post("/api/events", content=json.dumps(one), headers=CE)
        assert answer.status_code == 400
        assert answer.json()["path"] == f"$.{missing}"


def test_time_is_bounded_on_both_sides(world: World) -> None:
    now_us = world.clock.now_us()
    times = [now_us + 6 * MINUTE_US, now_us + 4 * MINUTE_US, now_us - 401 * DAY_US]
    batch = [event(id=str(i), time=rfc3339(at)) for i, at in enumerate(times)]
    answer = world.client().post("/api/events", json=batch)
    assert [one["index"] for one in answer.json()["rejected"]] == [2]
    ahead, near = stored(world)
    assert (ahead.time_us, ahead.time_flag) == (now_us, "future")
    assert (near.time_us, near.time_flag) == (times[1], "")


def test_own_types_need_a_domain_and_derived_ones_are_refused(world: World) -> None:
    batch = [event(type=name) for name in ("com.example.x", "payment.expired", "foo.bar", "x")]
    answer = world.client().post("/api/events", json=batch)
    assert [one["index"] for one in answer.json()["rejected"]] == [1, 2, 3]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({"amount_minor": "12", "currency": "EUR"}, "$.data.amount_minor"),
        ({"amount_minor": -1, "currency": "EUR"}, "$.data.amount_minor"),
        ({"amount_minor": 2**53, "currency": "EUR"}, "$.data.amount_minor"),
        ({"amount_minor": True, "currency": "EUR"}, "$.data.amount_minor"),
        ({"amount_minor": 12}, "$.data.currency"),
        ({"currency": "euro"}, "$.data.currency"),
        ({"decline_class": "sunspots"}, "$.data.decline_class"),
        ({"payment_id": {"a": 1}}, "$.data.payment_id"),
        ({"payment_id": "x" * 201}, "$.data.payment_id"),
        ({"payment_id": "a\x00b"}, "$.data.payment_id"),
        ({"latency_ms": "fast"}, "$.data.latency_ms"),
        ({"latency_ms": -1}, "$.data.latency_ms"),
        ({"origin": "moon"}, "$.data.origin"),
        ({"attributes": []}, "$.data.attributes"),
        ({"attributes": {"k" * 129: 1}}, "$.data.attributes...."),
        ({"attributes": {"k": "v" * 65_537}}, "$.data.attributes.k"),
        ({f"k{i}": i for i in range(65)}, "$.data.k64"),
        ({"attributes": {"k": 1 << 63}}, "$.data.attributes.k"),
        ([], "$.data"),
        ("text", "$.data"),
    ],
)
def test_a_single_bad_event_is_a_400_with_its_path(world: World, data: object, path: str) -> None:
    answer = world.client().post("/api/events", json=event(data=data))
    assert answer.status_code == 400, answer.text
    assert answer.json()["path"] == path
    assert answer.json()["detail"]
    assert stored(world) == []


def deep(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", {}, 400),
        (b"{", {}, 400),
        (b"\xff\xfe", {}, 400),
        (b'{"type": NaN}', {}, 400),
        (b'{"type": 1e999}', {}, 400),
        (b'{"type": "a", "type": "b"}', {}, 400),
        (b'{"type": "\\ud800"}', {}, 400),
        (deep(70), {}, 400),
        (deep(50_000), {}, 400),
        (b"17", {}, 400),
        (b"null", {}, 400),
        (b'"text"', {}, 400),
        (b'{"type": 5}', {}, 400),
        (b'{"type": "payment.failed", "time": "yesterday"}', {}, 400),
        (b'{"type": "payment.failed", "time": "9999-99-99T99:99:99Z"}', {}, 400),
        (b'{"type": "payment.failed", "time": 17}', {}, 400),
        (b'{"type": "payment.failed", "id": 17.5}', {}, 400),
        (b"[" + b"{}," * 1000 + b"{}]", {}, 413),
        (b" " * (4 * 1024**2 + 1), {}, 413),
        (b"{}", {"Content-Type": "application/xml"}, 415),
        (b"{}", {"Content-Encoding": "br"}, 415),
        (b"{}", {"Content-Encoding": "gzip, gzip"}, 415),
        (b"{}", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"{}" * 500, mtime=0)[:-12], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"0" * 50_000_000, mtime=0), {"Content-Encoding": "gzip"}, 413),
        (b"{}", {"ce-specversion": "1.0", "ce-id": "%C0%A0"}, 400),
        (b"{}", {"Content-Type": "application/cloudevents-batch+json"}, 400),
        (b"\x00" * 100, {"Content-Type": "application/x-ndjson"}, 202),
    ],
)
def test_a_bad_body_is_refused_with_a_reason_and_never_a_500(
    world: World, body: bytes, headers: dict, status: int
) -> None:
    given = {"Content-Type": "application/json", **headers}
    answer = world.client().post("/api/events", content=body, headers=given)
    assert answer.status_code == status, answer.text
    if status != 202:
        assert answer.json()["detail"]
    if status == 400:
        assert answer.json()["path"]
    assert stored(world) == []


def test_gzip_bodies_are_read(world: World) -> None:
    body = gzip.compress(json.dumps([event(), event(id="e2")]).encode())
    answer = world.client().post(
        "/api/events",
        content=body,
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    )
    assert answer.json()["accepted"] == 2


def test_only_ingest_may_send_and_only_readers_may_read(world: World) -> None:
    assert world.client("viewer-token").post("/api/events", json=event()).status_code == 403
    assert world.client("nobody").post("/api/events", json=event()).status_code == 401
    assert world.client("shop-token").get("/api/events").status_code == 403


def test_a_closed_journal_is_a_503_that_may_be_retried(world: World) -> None:
    world.writer.close()
    answer = world.client().post("/api/events", json=event())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) <= 2


def test_a_failing_redactor_stores_nothing(world: World) -> None:
    client = world.client()
    world.redactor._key = None
    answer = client.post("/api/events", json=event(data={"user.email": "a@example.org"}))
    assert answer.status_code == 503
    assert stored(world) == []


def test_a_receipt_says_what_became_of_it(world: World) -> None:
    client = world.client()
    receipt = client.post("/api/events", json=[event(), event(), event(type="x")]).json()["receipt"]
    before = client.get(f"/api/receipts/{receipt}").json()
    assert (before["stored"], before["projected"]) == (True, False)
    world.project()
    after = client.get(f"/api/receipts/{receipt}").json()
    assert after["projected"] is True
    assert (after["accepted"], after["duplicates"]) == (1, 1)
    assert after["rejected"][0]["index"] == 2
    assert client.get("/api/receipts/none").status_code == 404


def test_rejected_items_are_dead_letters_without_personal_data(world: World) -> None:
    world.client().post("/api/events", json=[event(type="ada@example.org")])
    reader = world.client("viewer-token")
    (letter,) = reader.get("/api/deadletters").json()["deadletters"]
    assert (letter["rule"], letter["schema"]) == ("event.type.unknown", "event/1")
    shown = reader.get(f"/api/deadletters/{letter['id']}").json()
    assert "example.org" not in json.dumps([letter, shown])
    assert shown["item"]["type"].startswith("[email:")
    assert {name: shown[name] for name in letter} == letter
    assert reader.get("/api/deadletters/record:5").status_code == 404


def test_a_reason_holds_no_half_of_a_number_that_is_written_at_length() -> None:
    """Cut at 80 characters it would be no card any more, and would not be masked."""
    number = "".join(f"%25{ord(digit):02x}" for digit in "30042645202447206")
    told = {"id": "long", "source": "psp", "type": number, "data": {}}
    with pytest.raises(BadInput) as refused:
        shop_event(told, Context(0, "psp", False, DataRules()))
    assert "%25" not in str(refused.value)


def test_events_are_read_back_newest_first_and_filtered(world: World) -> None:
    now_us = world.clock.now_us()
    batch = [
        event(id="a", time=rfc3339(now_us - 3 * MINUTE_US)),
        event(id="b", type="payment.failed", time=rfc3339(now_us - 2 * MINUTE_US)),
        event(id="c", time=rfc3339(now_us - 1 * MINUTE_US)),
    ]
    world.client().post("/api/events", json=batch)
    world.project()
    reader = world.client("viewer-token")

    def ids(**query: object) -> list[str]:
        answer = reader.get("/api/events", params=query)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["events"]]

    assert ids() == ["c", "b", "a"]
    assert ids(limit=1) == ["c"]
    assert ids(type="payment.failed") == ["b"]
    assert ids(type="payment.failed,payment.succeeded", since="150s") == ["c", "b"]
    assert ids(since=rfc3339(now_us - 90_000_000)) == ["c"]
    assert ids(until=rfc3339(now_us - 1 * MINUTE_US)) == ["b", "a"]
    assert ids(until=rfc3339(now_us - 1 * MINUTE_US), limit=1) == ["b"]
    assert ids(since="150s", until="90s") == ["b"]
    first = reader.get("/api/events").json()["events"][0]
    assert first["data"]["payment_id"] == "p1"
    assert first["received_at"] == rfc3339(now_us)
    for bad in ({"since": "soon"}, {"until": "later"}, {"limit": 0}, {"limit": "x"}):
        assert reader.get("/api/events", params=bad).status_code == 400
