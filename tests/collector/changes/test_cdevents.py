"""CDEvents of services in every mode of CloudEvents, and how the plain form answers mistakes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from collector.changes.cdevents import verb_of, version_of
from kernel.clock import MINUTE_US, from_us, rfc3339
from tests.collector.world import World

BATCH = "application/cloudevents-batch+json"
STRUCTURED = "application/cloudevents+json"
SAID = {
    "deployed": "payments deployed to 1.4.2",
    "upgraded": "payments upgraded to 1.4.2",
    "rolledback": "payments rolled back to 1.4.2",
    "published": "payments published as 1.4.2",
    "removed": "payments removed at 1.4.2",
}
VERSIONS = ("0.1.1", "0.2.0", "0.3.0", "1.0.0-draft")


def event(verb: str = "deployed", version: str = "0.3.0", **more: Any) -> dict[str, Any]:
    subject = {
        "id": "payments",
        "type": "service",
        "content": {
            "environment": {"id": "prod", "source": "clusters"},
            "artifactId": "pkg:oci/payments@sha256%3A0b31b1c02ff458ad?tag=1.4.2",
        },
    }
    return {
        "specversion": "1.0",
        "id": f"{verb}-{version}",
        "source": "/ci/pipeline",
        "type": f"dev.cdevents.service.{verb}.{version}",
        "datacontenttype": "application/json",
        "data": {"context": {"version": "0.4.1"}, "subject": subject},
        **more,
    }


def shown(world: World) -> list[dict[str, Any]]:
    world.project()
    found: list[dict[str, Any]] = (
        world.client("viewer-token").get("/api/changes?since=400d").json()["changes"]
    )
    return found


def post(world: World, body: bytes | str, media_type: str) -> Any:
    return world.client().post("/api/changes", content=body, headers={"Content-Type": media_type})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("verb", sorted(SAID))
def test_every_service_event_of_every_version_is_a_deploy_that_says_what_happened(
    world: World, verb: str, version: str
) -> None:
    assert post(world, json.dumps(event(verb, version)), STRUCTURED).status_code == 202
    [found] = shown(world)
    assert found["summary"] == SAID[verb]
    assert (found["kind"], found["service"], found["version"]) == ("deploy", "payments", "1.4.2")
    assert (found["environment"], found["source"]) == ("prod", "/ci/pipeline")
    assert found["rollback"] is (verb == "rolledback")
    assert found["attributes"]["cdevent"] == f"dev.cdevents.service.{verb}.{version}"


@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
def test_what_the_sdk_of_cloudevents_writes_is_read(world: World, write: Any) -> None:
    at_us = world.clock.now_us() - MINUTE_US
    given = event(time=from_us(at_us))
    attributes = {name: value for name, value in given.items() if name != "data"}
    message = write(CloudEvent(attributes, given["data"]))
    answer = world.client().post("/api/changes", content=message.body, headers=message.headers)
    assert (answer.status_code, answer.json()["accepted"]) == (202, 1), answer.text
    [found] = shown(world)
    assert (found["at"], found["summary"]) == (rfc3339(at_us), SAID["deployed"])


def test_one_bad_item_takes_none_of_its_batch_with_it(world: World) -> None:
    nameless = event("upgraded")
    del nameless["data"]["subject"]["id"]
    batch = [event(), nameless, event("incident", id="x"), 7, event("rolledback")]
    document = post(world, json.dumps(batch), BATCH).json()
    assert document["accepted"] == 2
    assert [(one["index"], one["path"]) for one in document["rejected"]] == [
        (1, "$.data.subject.id"),
        (2, "$.type"),
        (3, "$"),
    ]
    assert {one["summary"] for one in shown(world)} == {SAID["deployed"], SAID["rolledback"]}


def test_a_repeat_is_known_by_source_and_id(world: World) -> None:
    post(world, json.dumps(event()), STRUCTURED)
    again = post(world, json.dumps([event(), event(source="/ci/other")]), BATCH).json()
    assert (again["accepted"], again["duplicates"]) == (1, 1)
    assert len(shown(world)) == 2


def test_the_envelope_may_leave_to_the_data_what_the_data_says(world: World) -> None:
    at = rfc3339(world.clock.now_us() - MINUTE_US)
    bare = event()
    bare["data"]["context"] |= {"id": "inner", "source": "/inner", "timestamp": at}
    for name in ("id", "source"):
        del bare[name]
    assert post(world, json.dumps(bare), "application/json").status_code == 202
    [found] = shown(world)
    assert (found["source"], found["at"]) == ("/inner", at)


@pytest.mark.parametrize(
    ("artifact", "version"),
    [
        ("pkg:oci/shop@sha256%3A0b31?tag=1.4.2", "1.4.2"),
        ("pkg:oci/shop@sha256%3A0b31", "sha256:0b31"),
        ("pkg:npm/%40scope/shop@2.0.0-rc.1#lib", "2.0.0-rc.1"),
        ("pkg:npm/@scope/shop", ""),
        ("@1.0", ""),
        ("shop", ""),
        ("", ""),
    ],
)
def test_the_version_of_a_package_url(artifact: str, version: str) -> None:
    assert version_of(artifact) == version


@pytest.mark.parametrize(
    "name",
    [
        "dev.cdevents.service.deployed",
        "dev.cdevents.service.deployed.0.3",
        "dev.cdevents.service.exploded.0.3.0",
        "dev.cdevents.pipelinerun.started.0.3.0",
        "dev.cdevents.service.deployed.0.3.0\n",
        None,
        5,
    ],
)
def test_other_types_are_no_service_events(name: object) -> None:
    assert verb_of(name) == ""


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("sumary", "did you mean summary?"),
        ("Service", "did you mean service?"),
        ("enviroment", "did you mean environment?"),
        ("zzzzzz", "own fields go under attributes"),
    ],
)
def test_a_misspelt_field_is_refused_with_the_one_that_was_meant(
    world: World, field: str, hint: str
) -> None:
    answer = world.client().post("/api/changes", json={"service": "shop", field: "x"})
    assert answer.status_code == 400
    assert (answer.json()["path"], answer.json()["hint"]) == (f"$.{field}", hint)
    assert shown(world) == []


def test_a_link_that_is_no_web_address_is_refused(world: World) -> None:
    change = {"service": "shop", "url": "javascript:alert(1)"}
    answer = world.client().post("/api/changes", json=change)
    assert (answer.status_code, answer.json()["path"]) == (400, "$.url")
