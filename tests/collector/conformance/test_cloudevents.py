"""The sentences of CloudEvents 1.0 over HTTP, one test each, put to a running server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from collector.events.handshake import Handshake
from tests.collector.otlp_server import running
from tests.collector.world import World

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
BEARER = {"Authorization": "Bearer shop-token"}
PAID = {"payment_id": "p1", "amount_minor": 4990, "currency": "EUR"}


@dataclass(frozen=True)
class Shop:
    """A running server of shop events, and what it stored."""

    world: World
    http: httpx2.Client

    def post(self, content: Any, media: str = STRUCTURED, **headers: str) -> httpx2.Response:
        """The answer to one delivery. Underscores in the names of headers stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self.http.post("/api/events", content=body, headers={"Content-Type": media, **named})

    def stored(self, event_id: str) -> dict[str, Any]:
        """The one stored event with this id."""
        self.world.project()
        found = self.world.client("viewer-token").get("/api/events?since=400d&limit=10000")
        (event,) = (one for one in found.json()["events"] if one["id"] == event_id)
        return dict(event)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with serving(tmp_path_factory.mktemp("events")) as started:
        yield started


class serving:  # noqa: N801 - a context manager reads like a function
    """A world behind a real server."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.world.handshake = Handshake(frozenset({"events.example"}), 120)

    def __enter__(self) -> Shop:
        self._server = running(self.world.app())
        address = self._server.__enter__()
        return Shop(self.world, httpx2.Client(base_url=address, headers=BEARER, timeout=30))

    def __exit__(self, *_: object) -> None:
        self._server.__exit__(None, None, None)
        self.world.close()


def event(event_id: str, **more: Any) -> dict[str, Any]:
    """A good event in structured form; a value of `...` leaves an attribute out."""
    given = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/shop",
        "type": "payment.succeeded",
        "data": PAID,
        **more,
    }
    return {name: value for name, value in given.items() if value is not ...}


def binary(event_id: str, **more: str) -> dict[str, str]:
    """Headers of a good event in binary mode."""
    given = {"id": event_id, "source": "/shop", "type": "payment.succeeded", "specversion": "1.0"}
    return {f"ce-{name}": value for name, value in {**given, **more}.items()}


def refused(answer: httpx2.Response, where: str) -> None:
    """It was refused as bad input, and the answer names the place."""
    assert answer.status_code == 400, answer.text
    assert answer.json()["path"] == where, answer.text


@pytest.mark.conformance("CE1")
def test_binary_and_structured_mode_are_both_taken(shop: Shop) -> None:
    assert shop.post(event("ce1-s")).status_code == 202
    assert shop.post(PAID, "application/json", **binary("ce1-b")).status_code == 202
    one, other = shop.stored("ce1-s"), shop.stored("ce1-b")
    assert one["data"] == other["data"]
    assert (one["type"], one["source"]) == (other["type"], other["source"])


@pytest.mark.conformance("CE2")
@pytest.mark.parametrize("write", [str, str.upper, str.title])
def test_content_type_chooses_the_mode(shop: Shop, write: Any) -> None:
    name = f"ce2-{write.__name__}"
    batch = write("application/cloudevents-batch+json; charset=utf-8")
    assert shop.post([event(f"{name}-batch")], batch).json()["accepted"] == 1
    structured = write("application/cloudevents+json; charset=utf-8")
    assert shop.post(event(f"{name}-one"), structured).status_code == 202
    headers = binary(f"{name}-binary")
    assert shop.post(PAID, write("application/json; charset=utf-8"), **headers).status_code == 202
    for form in ("batch", "one", "binary"):
        assert shop.stored(f"{name}-{form}")["data"]["payment_id"] == "p1"
    # A single event is no batch, and the other way round.
    assert shop.post(event("ce2-x"), batch).status_code == 400
    assert shop.post([event("ce2-x")], structured).status_code == 400


@pytest.mark.conformance("CE3")
def test_in_binary_mode_attributes_are_headers_and_content_type_is_that_of_the_data(
    shop: Shop,
) -> None:
    mixed = {name.upper(): value for name, value in binary("ce3", subject="s-1").items()}
    assert shop.post(PAID, "application/json", **mixed).status_code == 202
    assert shop.stored("ce3")["data"]["attributes"]["ce.subject"] == "s-1"
    twice = {**binary("ce3-x"), "ce-datacontenttype": "application/json"}
    refused(shop.post(PAID, "application/json", **twice), "ce-datacontenttype")


@pytest.mark.conformance("CE4")
def test_header_values_are_unquoted_and_percent_decoded_once(shop: Shop) -> None:
    written = {
        "Euro%20%E2%82%AC%20%F0%9F%98%80": "Euro \u20ac \U0001f600",
        "%e2%82%ac": "\u20ac",
        "%41%6Cso plain": "Also plain",
        '"quoted \\"text\\""': 'quoted "text"',
        "%2541": "%41",
    }
    for number, (header, text) in enumerate(written.items()):
        headers = binary(f"ce4-{number}", subject=header)
        assert shop.post(PAID, "application/json", **headers).status_code == 202
        found = shop.stored(f"ce4-{number}")["data"]["attributes"]["ce.subject"]
        assert found == text, header
    for bad in ("%C0%A0", "%ED%A0%80", "%F5%80%80%80", "%zz", "%4"):
        answer = shop.post(PAID, "application/json", **binary("ce4-x", subject=bad))
        refused(answer, "ce-subject")


@pytest.mark.conformance("CE5")
def test_in_structured_mode_headers_are_only_copies(shop: Shop) -> None:
    copies = binary("another-id", type="payment.failed", subject="of the header")
    assert shop.post(event("ce5", subject="of the payload"), **copies).status_code == 202
    found = shop.stored("ce5")
    assert found["type"] == "payment.succeeded"
    assert found["data"]["attributes"]["ce.subject"] == "of the payload"


@pytest.mark.conformance("CE6")
def test_a_batch_is_a_bounded_array_of_one_specversion(shop: Shop) -> None:
    assert shop.post([], BATCH).json()["accepted"] == 0
    assert shop.post([event("ce6-1"), event("ce6-2")], BATCH).json()["accepted"] == 2
    assert shop.post([event(f"ce6-{n}-x") for n in range(1001)], BATCH).status_code == 413
    answer = shop.post([event("ce6-3"), event("ce6-4", specversion="0.3")], BATCH).json()
    assert (answer["accepted"], [one["index"] for one in answer["rejected"]]) == (1, [1])
    assert shop.post({"events": []}, BATCH).status_code == 400


@pytest.mark.conformance("CE7")
@pytest.mark.parametrize("name", ["id", "source", "specversion", "type"])
def test_the_required_attributes_are_there_and_names_are_lower_case(shop: Shop, name: str) -> None:
    for bad in (..., "", None, 7):
        refused(shop.post(event("ce7", **{name: bad})), f"$.{name}")
    refused(shop.post(event("ce7", specversion="0.3")), "$.specversion")
    for extension in ("camelCase", "with_line", "with-dash"):
        refused(shop.post(event("ce7", **{extension: "x"})), f"$.{extension}")
    assert shop.post(event(f"ce7-{name}", a1b2="x" * 30)).status_code == 202
    assert shop.stored(f"ce7-{name}")["data"]["attributes"]["ce.a1b2"] == "x" * 30
    refused(shop.post(PAID, "application/json", **binary("ce7", data="x")), "ce-data")


@pytest.mark.conformance("CE8")
@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("time", ["2026-11-22T10:00:00Z", "2026-11-22T12:00:00.123456+02:00"], ["yesterday", ""]),
        ("dataschema", ["https://shop.example/s#1", "urn:shop:1"], ["/relative", "", "a b"]),
        ("subject", ["order 7"], [""]),
        ("count", [7, -(2**31), 2**31 - 1, True], [2**31, 1.5, [1], {"a": 1}]),
        ("note", ["\u00e9 \U0001f600"], ["line\nbreak", "\x00", "\x9f", "\ufffe"]),
    ],
)
def test_attributes_have_the_types_of_the_standard(
    shop: Shop, name: str, good: list[Any], bad: list[Any]
) -> None:
    for number, value in enumerate(good):
        answer = shop.post(event(f"ce8-{name}-{number}", **{name: value}))
        assert answer.status_code == 202, answer.text
    for value in bad:
        refused(shop.post(event("ce8", **{name: value})), f"$.{name}")
    surrogate = json.dumps(event("ce8", note="x")).replace('"x"', '"\\ud800"').encode()
    assert shop.post(surrogate).status_code == 400


@pytest.mark.conformance("CE9")
def test_null_is_unset_and_data_is_given_once(shop: Shop) -> None:
    assert shop.post(event("ce9-null", subject=None, time=None)).status_code == 202
    assert "ce.subject" not in shop.stored("ce9-null")["data"].get("attributes", {})
    packed = base64.b64encode(json.dumps(PAID).encode()).decode()
    assert shop.post(event("ce9-64", data=..., data_base64=packed)).status_code == 202
    assert shop.stored("ce9-64")["data"]["payment_id"] == "p1"
    refused(shop.post(event("ce9", data_base64=packed)), "$.data_base64")
    # Null data is data, absent data is none; a text in data is a text, whatever it holds.
    own = {"type": "com.example.note"}
    assert shop.post(event("ce9-nothing", data=..., **own)).status_code == 202
    assert shop.post(event("ce9-data-null", data=None, **own)).status_code == 202
    assert shop.post(event("ce9-text", data='{"payment_id": "p2"}', **own)).status_code == 202
    assert "ce.data" not in shop.stored("ce9-nothing")["data"].get("attributes", {})
    assert shop.stored("ce9-data-null")["data"]["attributes"]["ce.data"] == "null"
    found = shop.stored("ce9-text")["data"]
    assert "payment_id" not in found
    assert json.loads(found["attributes"]["ce.data"]) == '{"payment_id": "p2"}'


@pytest.mark.conformance("CE10")
def test_the_same_source_and_id_is_the_same_event(shop: Shop) -> None:
    assert shop.post(event("ce10")).json()["accepted"] == 1
    again = shop.post(PAID, "application/json", **binary("ce10")).json()
    assert (again["accepted"], again["duplicates"]) == (0, 1)
    assert shop.post(event("ce10", source="/other-shop")).json()["accepted"] == 1


@pytest.mark.conformance("CE11")
def test_an_event_of_64_kib_is_taken(shop: Shop) -> None:
    lines = {f"line{n}": "x" * 2_000 for n in range(32)}
    content = json.dumps(event("ce11", data={**PAID, "attributes": lines})).encode()
    assert len(content) >= 64_000
    content += b" " * (64 * 1024 - len(content))
    assert shop.post(content).status_code == 202
    assert shop.stored("ce11")["data"]["attributes"]["line31"] == "x" * 2_000


@pytest.mark.conformance("CE12")
def test_deliveries_answer_as_the_webhook_binding_says(shop: Shop, tmp_path: Path) -> None:
    answer = shop.post(event("ce12-header"))
    assert answer.status_code == 202
    assert answer.json()["receipt"]
    body, media = json.dumps(event("ce12-query")).encode(), {"Content-Type": STRUCTURED}
    bare = httpx2.Client(base_url=shop.http.base_url, timeout=30)
    address = "/api/events?access_token=shop-token"
    answer = bare.post(address, content=body, headers=media)
    assert answer.status_code == 202
    assert "shop-token" not in str(dict(answer.headers)) + answer.text
    assert bare.post("/api/events", content=body, headers=media).status_code == 401
    wrong = bare.post("/api/events?access_token=wrong", content=body, headers=media)
    assert wrong.status_code == 401
    assert shop.post(b"a,b", "text/csv").status_code == 415
    assert shop.http.post("/api/events", content=body).status_code == 415  # no Content-Type
    for method in ("PUT", "DELETE", "PATCH"):
        assert shop.http.request(method, "/api/events", content=body).status_code == 405
    assert shop.http.post("/api/events/", content=body, headers=media).status_code == 202
    with serving(tmp_path) as full:
        full.world.writer.close()
        late = full.post(event("ce12-late"))
    assert late.status_code in {429, 503}
    assert 1 <= int(late.headers["retry-after"]) <= 2


@pytest.mark.conformance("CE13")
def test_the_handshake_answers_with_origin_and_rate(shop: Shop) -> None:
    asked = {"WebHook-Request-Origin": "events.example", "WebHook-Request-Rate": "120"}
    answer = shop.http.options("/api/events", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["webhook-allowed-origin"] == "events.example"
    assert answer.headers["webhook-allowed-rate"] == "120"
    stranger = {"WebHook-Request-Origin": "evil.example"}
    for headers in (stranger, {}):
        answer = shop.http.options("/api/events", headers=headers)
        assert answer.status_code == 405
        assert "webhook-allowed-origin" not in answer.headers


@pytest.mark.conformance("CE14")
def test_known_extensions_are_kept_and_rules_that_cannot_be_met_are_refused(shop: Shop) -> None:
    extensions = {
        "recordedtime": "2026-11-22T10:00:01Z",
        "sampledrate": 10,
        "sequence": "0007",
        "partitionkey": "shard-1",
        "dataref": "https://shop.example/blob/1",
        "dataclassification": "internal",
        "dataregulation": "gdpr,pci-dss",
        "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
    }
    assert shop.post(event("ce14", **extensions)).status_code == 202
    found = shop.stored("ce14")["data"]
    assert found["trace_id"] == "ab" * 16
    kept = {f"ce.{name}": value for name, value in extensions.items()}
    assert kept.items() <= found["attributes"].items()
    rules = {"dataclassification": "restricted", "dataregulation": "hipaa"}
    refused(shop.post(event("ce14-x", dataclassification="restricted")), "$.dataclassification")
    rules["dataclassification"] = "internal"
    refused(shop.post(event("ce14-x", **rules)), "$.dataregulation")
    refused(shop.post(event("ce14-x", sampledrate=0)), "$.sampledrate")
    refused(shop.post(event("ce14-x", recordedtime="now")), "$.recordedtime")
