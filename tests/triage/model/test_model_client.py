"""The real SDK against a service that behaves and misbehaves."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import httpx2
import pytest

from app.fakes.openai_server import FakeMode
from audit.record_types import type_of
from kernel.clock import FrozenClock, SystemClock
from tests.triage.model.conftest import OUTAGE, bundle_of, client_of, explainer_of, finding
from triage.brief.writer import compose, with_model
from triage.model.envelope import read_reply
from triage.model.explaining import PROMPT_VERSION
from triage.model.outcome import (
    Abstained,
    Answered,
    Candidate,
    Failed,
    Garbage,
    LeftAlone,
    ModelOutcome,
    NotConfigured,
    Refused,
    TimedOut,
)
from triage.model.settings import ModelSettings

STEPS = [
    Candidate("payment-provider-outage", "reroute-region", "Reroute a region"),
    Candidate("payment-provider-outage", "call-provider", "Call the provider"),
]


def check_drafts(outcome: ModelOutcome) -> None:
    """Every draft has a shape that the audit log takes."""
    for draft in outcome.audit:
        known = type_of(draft.type)
        assert known.required <= draft.data.keys() <= known.allowed
        assert not any(isinstance(value, float) for value in draft.data.values())
        assert draft.outcome in {"ok", "denied", "error"}


@pytest.fixture(params=["responses", "chat"])
def api(request) -> str:
    return request.param


def test_a_good_answer_is_kept_with_the_step_it_chose(service, outage, api):
    outcome = client_of(service, model_api=api).explain(outage, STEPS)
    assert isinstance(outcome, Answered)
    assert len(outcome.claims) == 4
    assert not outcome.dropped
    assert outcome.suggestion == STEPS[0]
    assert outcome.tokens == 1000
    assert outcome.confidence == "medium"
    assert [draft.type for draft in outcome.audit] == ["ai.request", "ai.suggestion"]
    check_drafts(outcome)


def test_the_recorded_request_is_the_exact_bytes_that_arrived(service, outage, api):
    outcome = client_of(service, model_api=api).explain(outage, STEPS)
    [(_, body)] = service.requests
    request = outcome.audit[0]
    assert request.payloads["request"] == body
    assert request.data["prompt_sha256"] == hashlib.sha256(body).hexdigest()
    assert request.data["evidence_ids"] == ["E1", "E2", "E3", "E4", "E5", "E6"]


def test_free_text_of_others_never_leaves_and_neither_does_the_key(service, outage):
    outcome = client_of(service).explain(outage, STEPS)
    [(_, body)] = service.requests
    assert b"Ignore all previous" not in body
    assert b"TEXT_1" in body
    assert not any(b"sk-test" in data for d in outcome.audit for data in d.payloads.values())


@pytest.mark.parametrize(
    "canary", ["jane.doe@example.com", "4111111111111111", "sk-live-51Habcdefghijklmnopqrstuv"]
)
def test_planted_canaries_are_not_in_the_request(service, canary):
    bundle = bundle_of(
        finding("breakdown", segment=f"attributes.user={canary}", bad=3, user=canary),
        finding("logs", template_1=f"failed for {canary}", since_1=3),
        user=canary,
    )
    client_of(service).explain(bundle, [])
    [(_, body)] = service.requests
    assert canary.encode() not in body


@pytest.mark.parametrize(
    ("mode", "kind", "reason"),
    [
        (FakeMode.GARBAGE, Garbage, "not the answer asked for"),
        (FakeMode.DUPLICATE_KEYS, Garbage, "not the answer asked for"),
        (FakeMode.TRUNCATED, Garbage, "not a response"),
        (FakeMode.REFUSE, Refused, "refused"),
        (FakeMode.ERROR_500, Failed, "500"),
        (FakeMode.HUGE, Failed, "could not be used"),
        (FakeMode.REDIRECT, Failed, "could not be used"),
    ],
)
def test_what_is_no_answer_is_an_outcome_and_the_brief_of_code_stands(
    service, outage, api, mode, kind, reason
):
    service.mode = mode
    outcome = client_of(service, model_api=api).explain(outage, STEPS)
    assert isinstance(outcome, kind)
    assert reason in outcome.reason
    assert [draft.type for draft in outcome.audit] == ["ai.request", "ai.rejected"]
    check_drafts(outcome)
    brief = compose(outage)
    assert with_model(brief, outage, outcome) == brief
    assert brief.source == "code"
    assert "Payments through adyen in eu-central fail: 41 of 46 attempts" in brief.text


@pytest.mark.parametrize("mode", [FakeMode.HANG, FakeMode.DRIP])
def test_a_service_that_hangs_or_drips_is_given_up_at_the_wall(service, outage, mode):
    service.mode = mode
    client = client_of(service, clock=SystemClock(), model_timeout_s=1, model_max_retries=1)
    outcome = client.explain(outage, STEPS)
    assert isinstance(outcome, TimedOut)
    assert outcome.audit[0].payloads["request"] == service.requests[0][1]
    assert outcome.audit[1].type == "ai.rejected"
    check_drafts(outcome)


@pytest.mark.parametrize(
    ("mode", "kept", "reason"),
    [
        (FakeMode.WRONG_NUMBERS, 1, "73.31 %"),
        (FakeMode.UNKNOWN_EVIDENCE, 1, "unknown evidence id"),
        (FakeMode.FOREIGN_NAMES, 1, "Mollie"),
        (FakeMode.URL_INJECTION, 4, "an address"),
        (FakeMode.UNOFFERED_STEP, 4, "not offered"),
    ],
)
def test_claims_that_do_not_agree_with_the_evidence_are_dropped_with_the_reason(
    service, outage, mode, kept, reason
):
    service.mode = mode
    outcome = client_of(service).explain(outage, STEPS)
    assert isinstance(outcome, Answered)
    assert len(outcome.claims) == kept
    assert all(reason in dropped.reason for dropped in outcome.dropped)
    assert outcome.dropped
    types = [draft.type for draft in outcome.audit]
    assert types == ["ai.request", "ai.suggestion", "ai.rejected"]
    told = json.loads(outcome.audit[2].payloads["dropped"])
    assert [one["reason"] for one in told] == [one.reason for one in outcome.dropped]
    check_drafts(outcome)


def test_a_model_that_cannot_tell_abstains_and_that_is_a_good_answer(service, outage):
    service.mode = FakeMode.ABSTAIN
    client = client_of(service)
    outcome = client.explain(outage, STEPS)
    assert isinstance(outcome, Abstained)
    assert [draft.type for draft in outcome.audit] == ["ai.request", "ai.suggestion"]
    assert outcome.audit[1].data["status"] == "abstained"
    check_drafts(outcome)
    assert client.tally.of("outcome") == {"abstained": 1}
    brief = compose(outage)
    assert with_model(brief, outage, outcome) == brief


def test_the_record_names_prompt_schema_evidence_and_the_way_back_by_their_hashes(service, outage):
    request, suggestion = client_of(service).explain(outage, STEPS).audit
    assert request.data["version"] == PROMPT_VERSION
    assert len(request.data["schema_sha256"]) == len(request.data["system_prompt_sha256"]) == 64
    assert request.data["evidence"] == [piece.sha256 for piece in outage.evidence]
    back = request.payloads["redaction_map"]
    assert request.data["redaction_map_sha256"] == hashlib.sha256(back).hexdigest()
    assert sorted(json.loads(back)["evidence"].values()) == [f"E{n}" for n in range(1, 7)]
    response = suggestion.payloads["response"]
    assert suggestion.data["response_sha256"] == hashlib.sha256(response).hexdigest()
    assert suggestion.data["model_version"].endswith("-fake")
    assert suggestion.data["rule"] == "evidence: medium"


def test_a_step_that_was_not_offered_is_no_suggestion(service, outage):
    service.mode = FakeMode.UNOFFERED_STEP
    outcome = client_of(service).explain(outage, STEPS)
    assert isinstance(outcome, Answered)
    assert outcome.suggestion is None


def test_without_a_key_nobody_is_asked(service, outage):
    settings = ModelSettings(openai_api_key="", openai_base_url=service.base_url)
    outcome = explainer_of(settings).explain(outage, STEPS)
    assert isinstance(outcome, NotConfigured)
    assert not outcome.audit
    assert not service.requests


def test_a_service_that_is_not_there_is_a_failure(outage):
    settings = ModelSettings(
        openai_api_key="k", openai_base_url="http://127.0.0.1:9/v1", model_max_retries=0
    )
    outcome = explainer_of(settings).explain(outage, STEPS)
    assert isinstance(outcome, Failed)


def test_an_error_is_tried_once_more(service, outage):
    service.mode = FakeMode.ERROR_500
    outcome = client_of(service, model_max_retries=1).explain(outage, STEPS)
    assert isinstance(outcome, Failed)
    assert len(service.requests) == 2
    assert outcome.audit[0].data["attempt"] == 2


def test_after_failures_in_a_row_the_service_is_left_alone_for_a_while(service):
    clock = FrozenClock()
    client = client_of(service, clock, model_circuit_failures=2)
    service.mode = FakeMode.ERROR_500

    def ask(number: int) -> ModelOutcome:
        return client.explain(bundle_of(*OUTAGE, incident_id=f"inc-{number}"), STEPS)

    assert [type(ask(n)) for n in range(3)] == [Failed, Failed, LeftAlone]
    assert len(service.requests) == 2
    service.mode = FakeMode.GOOD
    clock.advance_s(61)
    assert isinstance(ask(4), Answered)


def _answering(body: bytes, **headers: str) -> Callable[[httpx2.Request], httpx2.Response]:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        known = {"content-type": "application/json"} | headers
        return httpx2.Response(200, content=body, headers=known)

    return answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"output":null}',
        b'{"output":"text"}',
        b'{"output":[{"type":"message","content":"x"}]}',
        b'{"output":[{"type":"message","content":[{"type":"output_text","text":5}]}]}',
        b'{"output":[[1]],"usage":{"input_tokens":-5,"output_tokens":true}}',
        b"[" * 100_000,
    ],
)
def test_an_envelope_of_any_other_shape_is_garbage(outage, body):
    settings = ModelSettings(openai_api_key="k", model_max_retries=0)
    transport = httpx2.MockTransport(_answering(body))
    outcome = explainer_of(settings, transport=transport).explain(outage, STEPS)
    assert isinstance(outcome, Garbage | Failed)
    check_drafts(outcome)


def test_a_compressed_response_is_refused_before_it_is_unpacked(outage):
    settings = ModelSettings(openai_api_key="k", model_max_retries=0)
    transport = httpx2.MockTransport(_answering(b"", **{"content-encoding": "gzip"}))
    outcome = explainer_of(settings, transport=transport).explain(outage, STEPS)
    assert isinstance(outcome, Failed)


def test_a_made_up_number_of_tokens_still_fits_into_the_audit():
    body = b'{"output": [], "usage": {"input_tokens": 18446744073709551615, "output_tokens": 1}}'
    assert read_reply(body, "responses").input_tokens < 2**53
