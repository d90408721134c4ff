"""Sentences 1-12: what OTLP asks whatever the transport."""

from __future__ import annotations

import httpx2
import pytest

from tests.collector.conformance.target import Target


@pytest.mark.conformance(2)
def test_a_request_without_telemetry_succeeds(target: Target) -> None:
    for kind in ("application/json", "application/x-protobuf"):
        body = b"{}" if kind.endswith("json") else b""
        answer = httpx2.post(
            target.http + "/v1/traces",
            content=body,
            headers={**target.headers, "content-type": kind},
        )
        assert answer.status_code == 200
