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
    asked = 0
    for operation in operations:
        # An operation without parameters cannot be asked wrongly.
        with contextlib.suppress(Unsatisfiable):
            _ask(service, operation.as_strategy(generation_mode=mode))
            asked += 1
    assert asked > (15 if mode is GenerationMode.POSITIVE else 3)


def _ask(service: RunningService, cases: st.SearchStrategy[schemathesis.Case]) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def asked(case: schemathesis.Case) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {service.token}"}, timeout=20)
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
    return httpx2.post(url, content=body, headers=headers, timeout=20)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(bent_payments() | DOCUMENTS, max_size=6))
def test_any_batch_is_taken_item_by_item_or_refused(service, batch):
    answer = post(service, f"{service.url}/api/events", json.dumps(batch).encode())
    assert answer.status_code == 202, answer.text
    told = answer.json()
    taken = told["accepted"] + told["duplicates"] + len(told["rejected"])
    assert taken == len(batch)
    assert all(one["reason"] for one in told["rejected"])


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=300) | DOCUMENTS.map(lambda one: json.dumps(one).encode()))
@pytest.mark.parametrize(
    "path", ["/api/events", "/api/changes", "/webhooks/alertmanager", "/api/approvals/x/decision"]
)
def test_any_body_is_answered_without_a_server_error(service, path, body):
    assert post(service, service.url + path, body).status_code < 500


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(max_size=300) | DOCUMENTS.map(lambda one: json.dumps(one).encode()))
@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
def test_any_export_is_answered_without_a_server_error(service, signal, body):
    assert post(service, f"{service.otlp_url}/v1/{signal}", body).status_code < 500
