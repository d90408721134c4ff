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


def test_a_change_says_what_it_is_made_of_and_secrets_in_its_diff_are_masked(world: World) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    diff = f"-  retries: 2\n+  retries: 9\n+  key: {key}\n"
    change = {"service": "basket", "commit": "c0ffee", "files": ["a.yaml", "b.go"], "diff": diff}
    assert world.client().post("/api/changes", json=change).json()["accepted"] == 1
    world.project()
    (found,) = world.store.changes(from_us=0, to_us=1 << 60)

    assert found.attributes["commit"] == "c0ffee"
    assert found.attributes["files"] == "a.yaml\nb.go"
    assert "retries: 9" in str(found.attributes["diff"])
    assert key not in str(found.attributes["diff"])


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"files": "a.yaml"}, "$.files"),
        ({"files": ["a"] * 201}, "$.files"),
        ({"files": [7]}, "$.files"),
        ({"diff": ["-a"]}, "$.diff"),
        ({"diff": "x" * 60_001}, "$.diff"),
        ({"commit": 7}, "$.commit"),
    ],
)
def test_what_a_change_is_made_of_has_bounds(
    world: World, change: dict[str, object], path: str
) -> None:
    answer = world.client().post("/api/changes", json={"service": "a", **change})
    assert answer.status_code == 400
    assert answer.json()["path"] == path
