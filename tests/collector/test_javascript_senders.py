"""The OpenTelemetry SDK for JavaScript sends, in JSON and in protobuf."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.journal import JournalWriter
from tests.collector.conformance.target import Target, ours
from tests.collector.refusing_once import RefusingOnce
from tests.npm_packages import installed, node

SCRIPT = Path(__file__).parent / "javascript" / "send_spans.js"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    with ours(tmp_path) as started:
        yield started


@pytest.fixture(params=["http", "proto"])
def encoding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def sent(
    target: Target, encoding: str, compression: str = "none", token: str = "shop-token"
) -> Any:
    """What the script says after it sent one trace of two spans."""
    words = [node(), SCRIPT, encoding, f"{target.http}/v1/traces", token, compression]
    done = subprocess.run(
        words,
        env={**os.environ, "NODE_PATH": str(installed("opentelemetry") / "node_modules")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_spans_are_found_by_their_trace(target: Target, encoding: str, compression: str) -> None:
    told = sent(target, encoding, compression)
    assert told["succeeded"], told
    assert target.world
    target.world.project()
    reader = target.world.client("viewer-token")
    found = reader.get(f"/api/traces/{told['traceId']}").json()["spans"]
    # Its clock is too coarse for an order.
    checkout, call = sorted(found, key=lambda one: one["kind"], reverse=True)
    assert (checkout["name"], checkout["service"]) == ("checkout", "storefront")
    expected = {"amount_minor": 4990, "ratio": 0.5, "retried": False, "tags": '["a","b"]'}
    assert expected.items() <= checkout["attributes"].items()
    assert checkout["events"][0]["attributes"] == {"attempt": 1}
    assert (call["parent_span_id"], call["kind"]) == (checkout["span_id"], "client")
    assert (call["status"], call["status_message"]) == ("error", "timed out")


def test_our_warning_reaches_the_log_of_the_sdk(target: Target) -> None:
    """It reads the partial success of JSON and protobuf; its second span has no name."""
    warnings = [one for one in sent(target, "http")["diagnostics"] if one.startswith("warn")]
    assert len(warnings) == 1
    assert "no name" in warnings[0]


def test_a_batch_that_met_a_full_disk_is_sent_again_after_the_wait_and_stored_once(
    tmp_path: Path, encoding: str
) -> None:
    journals: list[RefusingOnce] = []

    def wrapped(writer: JournalWriter) -> RefusingOnce:
        journals.append(RefusingOnce(writer))
        return journals[0]

    with ours(tmp_path, wrapped) as target:
        told = sent(target, encoding)
        assert told["succeeded"], told
        assert journals[0].asked == 2
        assert len(target.spans(bytes.fromhex(told["traceId"]))) == 2


def test_a_wrong_token_is_told_at_once_with_our_message(target: Target, encoding: str) -> None:
    told = sent(target, encoding, token="wrong")
    assert told["succeeded"] is False
    assert told["error"]["code"] == 401
    assert "token" in told["error"]["data"]
