"""Changes: plain and CDEvents, checked, redacted, found by time."""

from __future__ import annotations

import json

import pytest

from kernel.clock import MINUTE_US, rfc3339
from tests.collector.world import World


def test_a_plain_change_is_stored_and_found(world: World) -> None:
    at = rfc3339(world.clock.now_us() - 5 * MINUTE_US)
    change = {
        "id": "d-1",
        "kind": "deploy",
        "service": "recommendations",
        "summary": "v2 out",
        "version": "2.0",
        "environment": "production",
        "author": "ci",
        "url": "https://ci.example/1",
        "at": at,
        "attributes": {"commit": "abc"},
    }
    client = world.client()
    assert client.post("/api/changes", json=change).json()["accepted"] == 1
    assert client.post("/api/changes", json=change).json()["duplicates"] == 1
    world.project()
    (found,) = world.client("viewer-token").get("/api/changes").json()["changes"]
    told = {name: value for name, value in change.items() if name != "id"}
    assert found == {**told, "source": "shop", "rollback": False}


def test_a_cdevent_is_a_deploy(world: World) -> None:
    event = {
        "specversion": "1.0",
        "id": "e1",
        "source": "ci",
        "type": "dev.cdevents.service.deployed.0.3.0",
        "data": {
            "subject": {
                "id": "payments",
                "content": {
                    "environment": {"id": "prod"},
                    "artifactId": "pkg:oci/payments@1.2.3",
                },
            }
        },
    }
    headers = {"Content-Type": "application/cloudevents+json"}
    answer = world.client().post("/api/changes", content=json.dumps(event), headers=headers)
    assert answer.status_code == 202, answer.text
    world.project()
    (found,) = world.store.changes(from_us=0, to_us=1 << 60)
    assert (found.kind, found.service, found.version) == ("deploy", "payments", "1.2.3")
    assert (found.environment, found.summary) == ("prod", "payments deployed to 1.2.3")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "magic", "service": "a"}, "$.kind"),
        ({"kind": "deploy"}, "$.service"),
        ({"service": 5}, "$.service"),
        ({"service": "a", "summary": "x" * 501}, "$.summary"),
        ({"service": "a", "at": "noon"}, "$.time"),
        ({"service": "a", "attributes": {"k": []}}, "$.attributes.k"),
        ({"specversion": "1.0", "type": "com.example.x"}, "$.type"),
        (5, "$"),
    ],
)
def test_a_bad_change_is_refused_with_its_path(world: World, change: object, path: str) -> None:
    answer = world.client().post("/api/changes", json=change)
    assert answer.status_code == 400
    assert answer.json()["path"] == path
