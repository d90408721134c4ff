"""A model that misbehaves costs no incident its brief; a good one is believed piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.fakes.openai_server import FakeMode, FakeOpenAI
from kernel.clock import SECOND_US, rfc3339
from tests.journeys.running import RunningService, running, until
from tests.journeys.shop import now_us, payment

TIMEOUT_S = 2


@contextmanager
def shop_with_model(folder: Path, model: FakeOpenAI) -> Iterator[RunningService]:
    with running(
        folder,
        OPENAI_API_KEY="sk-loopback",
        OPENAI_BASE_URL=model.base_url,
        TILLWATCH_MODEL_TIMEOUT_S=str(TIMEOUT_S),
        TILLWATCH_MODEL_CIRCUIT_FAILURES="100",
    ) as service:
        yield service


@pytest.fixture(scope="module")
def model() -> Iterator[FakeOpenAI]:
    """One fake; each story sets its mode."""
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture(scope="module")
def watched(model, tmp_path_factory) -> Iterator[RunningService]:
    """A service that asks the fake model."""
    with shop_with_model(tmp_path_factory.mktemp("model"), model) as service:
        yield service


def fail(service: RunningService, name: str) -> None:
    """Payments of one provider fail while the other's succeed."""
    at_us = now_us()
    bad = [
        payment(f"{name}-bad-{n}", "failed", at_us=at_us, provider="adyen", region="eu-central")
        for n in range(30)
    ]
    service.send([*bad, *(payment(f"{name}-good-{n}", at_us=at_us) for n in range(60))])


def alert(service: RunningService, name: str) -> None:
    """An alert from outside, of a service of its own, so that it opens its own incident."""
    one = {
        "status": "firing",
        "labels": {"alertname": name, "service": name, "severity": "page"},
        "annotations": {"summary": name},
        "startsAt": rfc3339(now_us() - SECOND_US),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": name,
    }
    post = {"version": "4", "groupKey": name, "status": "firing", "alerts": [one]}
    service.client.post("/webhooks/alertmanager", post)


def incident_of(service: RunningService, name: str) -> dict[str, Any] | None:
    lines = service.client.get("/api/incidents")["incidents"]
    line = next((one for one in lines if one["service"] == name), None)
    return service.client.get(f"/api/incidents/{line['id']}") if line else None


def asked(service: RunningService, incident: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return service.audit(incident=incident["id"], type=kind)


@pytest.mark.parametrize("mode", [FakeMode.GARBAGE, FakeMode.HANG, FakeMode.REFUSE])
def test_the_incident_gets_its_brief_although_the_model_is_no_good(watched, model, mode):
    model.mode = mode
    name = f"svc-{mode}"
    alert(watched, name)

    def briefed() -> dict[str, Any] | None:
        found = incident_of(watched, name)
        return found if found and found["brief"] else None

    incident = until(briefed, "the brief of code stands")
    assert incident["brief"]["source"] == "code"
    assert incident["brief"]["text"]
    until(lambda: asked(watched, incident, "ai.rejected"), "what became of the model is recorded")
    assert asked(watched, incident, "ai.request")
    after = until(briefed, "the brief still stands")
    assert after["brief"]["source"] == "code"
    assert asked(watched, incident, "ai.suggestion") == []

    def noted() -> str:
        found = incident_of(watched, name)
        return found["brief"]["model_note"] if found else ""

    until(noted, "the brief says why the model's was not taken")


def test_a_good_models_brief_stands_and_each_claim_has_its_evidence(tmp_path):
    with FakeOpenAI(FakeMode.GOOD) as model, shop_with_model(tmp_path, model) as service:
        fail(service, "good")

        def by_model() -> dict[str, Any] | None:
            found = incident_of(service, "payments")
            return found if found and (found["brief"] or {}).get("source") == "model" else None

        incident = until(by_model, "the model's brief stands")
        known = {piece["id"] for piece in incident["evidence"]}
        claims = incident["brief"]["claims"]
        assert claims
        for claim in claims:
            assert claim["evidence_ids"], claim
            assert set(claim["evidence_ids"]) <= known, claim
        assert asked(service, incident, "ai.request")
        assert asked(service, incident, "ai.suggestion")
        assert model.requests
