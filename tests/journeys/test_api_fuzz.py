"""Requests made from the door's own OpenAPI document, and random bodies: never a 500."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error

from tests.journeys.running import RunningService, running, until
from tests.journeys.shop import payment


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[RunningService]:
    """A service whose projectors still go on after everything that these stories sent."""
    folder = tmp_path_factory.mktemp("fuzzed")
    with running(folder, SLACK_SIGNING_SECRET="a-secret") as found:
        yield found
        found.send([payment("pay-at-last", provider="adyen", region="us-east")])
        until(lambda: us_east(found), "what comes after all of it counts")
        assert "unexpected_error" not in found.log.read_text(), found.tail(20_000)
        assert "part_failed" not in found.log.read_text(), found.tail(20_000)


def us_east(service: RunningService) -> bool:
    segments = service.slo("payment-success-adyen")["segments"]
    return any(one["key"]["region"] == "us-east" for one in segments)


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes:
    """One line for each item of an array."""
    items = value if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(one).encode() for one in items)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_of_the_published_api_makes_a_server_error(service, mode):
    api = schemathesis.openapi.from_url(f"{service.url}/openapi.json").exclude(path="/live")
    operations = [one.ok() for one in api.get_all_operations()]
    asked = set()
    for operation in operations:
        # An operation without parameters cannot be asked wrongly.
        with contextlib.suppress(Unsatisfiable):
            _ask(service, operation.as_strategy(generation_mode=mode))
            asked.add(operation.label)
    wanted = {one.label for one in operations if mode is GenerationMode.POSITIVE or _can_err(one)}
    assert asked >= wanted
    assert len(operations) > 30


def _can_err(operation: Any) -> bool:
    """A text in a path may be any text; a number in a query, or a body, may be none."""
    kinds = [one.definition.get("schema", {}).get("type") for one in operation.query]
    return bool({"integer", "number", "boolean"} & set(kinds)) or bool(list(operation.body))


def _ask(service: RunningService, cases: st.SearchStrategy[schemathesis.Case]) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def asked(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {service.token}"}, timeout=60)
        case.validate_response(answer, checks=[not_a_server_error])
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]

    asked()


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from([*payment("x"), *payment("x")["data"], "attributes", "traceparent"])


@st.composite
def bent_payments(draw: Any) -> dict[str, Any]:
    """A good payment, of which some fields are anything."""
    found = payment(f"pay-fuzz-{draw(st.integers(0, 10**9))}")
    for name in draw(st.lists(FIELDS, max_size=4)):
        holder = found if name in found or not isinstance(found["data"], dict) else found["data"]
        holder[name] = draw(DOCUMENTS)
    return found


def post(service: RunningService, url: str, body: bytes) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {service.token}", "Content-Type": "application/json"}
    return httpx2.post(url, content=body, headers=headers, timeout=60)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(bent_payments() | DOCUMENTS, max_size=6))
def test_any_batch_is_taken_item_by_item_or_refused(service, batch):
    answer = post(service, f"{service.url}/api/events", json.dumps(batch).encode())
    assert answer.status_code == 202, answer.text
    told = answer.json()
    taken = told["accepted"] + told["duplicates"] + len(told["rejected"])
    assert taken == len(batch)
    assert all(one["reason"] for one in told["rejected"])


def test_every_good_event_counts_whatever_its_neighbours_are(service):
    sent: list[str] = []

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(neighbours=st.lists(bent_payments() | DOCUMENTS, max_size=6))
    def kept(neighbours: list[Any]) -> None:
        event = payment(f"good-{len(sent)}", region="us-east", provider="paypal")
        batch = [*neighbours[:3], event, *neighbours[3:]]
        told = post(service, f"{service.url}/api/events", json.dumps(batch).encode()).json()
        assert len(neighbours[:3]) not in {one["index"] for one in told["rejected"]}
        sent.append(event["data"]["payment_id"])

    def counted() -> bool:
        segments = service.slo("payment-success")["segments"]
        found = [one["counts"]["good"] for one in segments if one["key"]["provider"] == "paypal"]
        return sum(found) == len(sent)

    kept()
    assert len(sent) > 40
    until(counted, f"{len(sent)} good payments are counted")


BODIES = st.binary(max_size=300) | DOCUMENTS.map(lambda one: json.dumps(one).encode())
MEDIA = st.sampled_from(
    ["application/json", "application/x-ndjson", "application/cloudevents-batch+json", "text/plain",
     "application/x-www-form-urlencoded", "application/x-protobuf", "multipart/form-data", "", "/"]
)  # fmt: skip
ENCODINGS = st.sampled_from(["", "", "", "gzip", "deflate", "zstd", "identity", "br", "gzip, gzip"])


def test_any_body_to_any_operation_is_answered_without_a_server_error(service):
    """Also those whose body the document does not describe: events, changes, webhooks, clicks."""
    with service.http() as http:
        paths = http.get("/openapi.json").json()["paths"]
        targets = [
            (method.upper(), path.replace("{kind}", "stripe").translate({123: "x", 125: "x"}))
            for path, methods in paths.items()
            for method in methods
            if method in {"post", "put", "patch", "delete"}
        ]
        assert {("POST", one) for one in ("/api/events", "/api/changes")} <= set(targets)

        @settings(max_examples=12 * len(targets), deadline=None)
        @given(st.sampled_from(targets), BODIES, MEDIA, ENCODINGS)
        def asked(target: tuple[str, str], body: bytes, media: str, encoding: str) -> None:
            headers = {"Content-Type": media, "Content-Encoding": encoding}
            answer = http.request(*target, content=body, headers=headers)
            # 503: a source without secrets, a model without a key: never for what was sent.
            assert answer.status_code < 500 or answer.json()["code"] == "not_configured", target
            assert answer.status_code != 408, target

        asked()
