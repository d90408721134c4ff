"""The CloudEvents SDKs for Python and JavaScript send, and what they sent is read back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cloudevents.core.bindings.http import HTTPMessage, to_binary_event, to_structured_event
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.collector.otlp_server import running
from tests.collector.world import World
from tests.npm_packages import installed, node

SCRIPT = Path(__file__).parent / "javascript" / "send_events.js"
SUBJECT = "Bestellung \u20ac 7"
PLAIN_SUBJECT = "Order 7"


@pytest.fixture
def url(world: World) -> Iterator[str]:
    with running(world.app()) as address:
        yield f"{address}/api/events"


def stored(world: World) -> dict[str, Any]:
    """Stored events by id."""
    world.project()
    found = world.client("viewer-token").get("/api/events").json()["events"]
    return {one["id"]: one for one in found}


def check(found: dict[str, Any], name: str, subject: str = SUBJECT) -> None:
    assert (found["type"], found["source"]) == ("payment.succeeded", "/storefront")
    assert found["data"]["payment_id"] == name
    assert found["data"]["amount_minor"] == 4990
    kept = {"ce.subject": subject, "ce.sequence": "0001"}
    assert kept.items() <= found["data"]["attributes"].items()


def python_event(world: World, name: str) -> CloudEvent:
    now = datetime.fromtimestamp(world.clock.now_us() / 1e6, UTC)
    attributes = {
        "id": name,
        "source": "/storefront",
        "type": "payment.succeeded",
        "specversion": "1.0",
        "time": now,
        "datacontenttype": "application/json",
        "subject": SUBJECT,
        "sequence": "0001",
    }
    return CloudEvent(attributes, {"payment_id": name, "amount_minor": 4990, "currency": "EUR"})


def post(url: str, message: HTTPMessage) -> httpx2.Response:
    headers = {**message.headers, "Authorization": "Bearer shop-token"}
    return httpx2.post(url, content=message.body, headers=headers)


@pytest.mark.parametrize("write", [to_binary_event, to_structured_event])
def test_the_python_sdk_is_read(world: World, url: str, write: Any) -> None:
    answer = post(url, write(python_event(world, "py")))
    assert answer.status_code == 202, answer.text
    check(stored(world)["py"], "py")


def test_a_batch_of_the_python_sdks_format_is_read(world: World, url: str) -> None:
    written = [bytes(JSONFormat().write(python_event(world, f"py-{n}"))) for n in range(3)]
    media = {"content-type": "application/cloudevents-batch+json"}
    answer = post(url, HTTPMessage(media, b"[" + b",".join(written) + b"]"))
    assert answer.json()["accepted"] == 3, answer.text
    for number in range(3):
        check(stored(world)[f"py-{number}"], f"py-{number}")


@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
def test_the_javascript_sdk_is_read(world: World, url: str, mode: str) -> None:
    done = subprocess.run(
        [node(), SCRIPT, mode, url, "shop-token", f"js-{mode}"],
        env={**os.environ, "NODE_PATH": str(installed("cloudevents") / "node_modules")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == 202, answer
    names = ["js-batch-1", "js-batch-2"] if mode == "batch" else [f"js-{mode}"]
    assert answer["body"]["accepted"] == len(names)
    # Its clock is the real one: what lies ahead of the world's counts at receipt.
    assert set(names) <= set(stored(world))
    for name in names:
        check(stored(world)[name], name, PLAIN_SUBJECT)
