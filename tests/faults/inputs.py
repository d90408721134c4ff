"""Every way in: one good message for each, sent to a running service, and what was answered.

A new input (a payment provider's webhook) gets a line in `INPUTS`; the stories of full disks,
deaths and planted secrets then hold for it too.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import grpc
import httpx2

from collector.otlp.json_decode import decode_json
from collector.otlp.signals import LOGS, SIGNALS, TRACES, Signal
from kernel.clock import SECOND_US, rfc3339
from tests.journeys.running import RunningService
from tests.journeys.shop import now_us, payment

SLACK_SECRET = "the-signing-secret"
ENVIRONMENT = {"SLACK_SIGNING_SECRET": SLACK_SECRET}
JSON, PROTOBUF = "application/json", "application/x-protobuf"


@dataclass(frozen=True)
class Answer:
    """`taken`: acknowledged as stored. `later`: refused so that the sender repeats it."""

    status: str
    taken: bool
    later: bool
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Message:
    """An HTTP request to one of the two ports."""

    path: str
    body: bytes
    headers: dict[str, str]
    otlp: bool = False


Maker = Callable[[str, str], Message]


class Senders:
    """The clients of one service; close them."""

    def __init__(self, service: RunningService) -> None:
        headers = {"Authorization": f"Bearer {service.token}"}
        self._main = httpx2.Client(
            base_url=service.url, headers=headers, timeout=60, trust_env=False
        )
        self._otlp = httpx2.Client(
            base_url=service.otlp_url, headers=headers, timeout=60, trust_env=False
        )
        self._metadata = [("authorization", headers["Authorization"])]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{service.ports.otlp_grpc}")

    def send(self, name: str, mark: str, filling: str = "") -> Answer:
        """One message that holds `mark`, and `filling` to make it large."""
        if name.startswith("grpc "):
            signal = next(one for one in SIGNALS if one.name == name.removeprefix("grpc "))
            return self.call(signal, protobuf(signal, document(signal, mark, filling)))
        return self.post(INPUTS[name](mark, filling))

    def post(self, message: Message) -> Answer:
        """Over HTTP."""
        client = self._otlp if message.otlp else self._main
        answer = client.post(message.path, content=message.body, headers=message.headers)
        return Answer(
            str(answer.status_code),
            taken=answer.status_code in {200, 202},
            later=answer.status_code == 503 and int(answer.headers.get("retry-after", 0)) >= 1,
            text=answer.text,
            headers=dict(answer.headers),
        )

    def call(self, signal: Signal, body: bytes, **options: Any) -> Answer:
        """Over gRPC."""
        method = self._channel.unary_unary(f"/{signal.service}/Export")
        try:
            method(body, metadata=self._metadata, timeout=60, **options)
        except grpc.RpcError as error:
            code = error.code()
            return Answer(
                code.name,
                taken=False,
                later=code is grpc.StatusCode.UNAVAILABLE,
                text=str(error.details()),
            )
        return Answer("OK", taken=True, later=False)

    def close(self) -> None:
        """Give all connections back."""
        self._main.close()
        self._otlp.close()
        self._channel.close()


def pair(key: str, value: str) -> dict[str, Any]:
    """An attribute in OTLP/JSON."""
    return {"key": key, "value": {"stringValue": value}}


def document(signal: Signal, mark: str, filling: str) -> dict[str, Any]:
    """An export of one item in OTLP/JSON; its trace id is made of the mark."""
    at_ns = str(now_us() * 1_000)
    attributes = [pair("mark", mark), pair("filling", filling)]
    resource = {"attributes": [pair("service.name", "payments")]}
    trace_id = hashlib.sha256(mark.encode()).hexdigest()[:32]
    if signal is TRACES:
        span = {"traceId": trace_id, "spanId": trace_id[:16], "name": "charge"}
        span |= {"startTimeUnixNano": at_ns, "endTimeUnixNano": at_ns, "attributes": attributes}
        group = {"resource": resource, "scopeSpans": [{"spans": [span]}]}
        return {"resourceSpans": [group]}
    if signal is LOGS:
        record = {"timeUnixNano": at_ns, "body": {"stringValue": "said"}, "attributes": attributes}
        return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}
    point = {"timeUnixNano": at_ns, "asDouble": 1.5, "attributes": attributes}
    metric = {"name": "queue.depth", "gauge": {"dataPoints": [point]}}
    return {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]}


def protobuf(signal: Signal, told: dict[str, Any]) -> bytes:
    """The same as protobuf."""
    return bytes(decode_json(json.dumps(told).encode(), signal.request()).SerializeToString())


def post_json(path: str, told: object) -> Message:
    """A JSON body for the main port."""
    return Message(path, json.dumps(told).encode(), {"Content-Type": JSON})


def slack_message(payload: object) -> Message:
    """A signed interaction."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    at_s = str(now_us() // SECOND_US)
    base = b"v0:" + at_s.encode() + b":" + body
    signature = hmac.new(SLACK_SECRET.encode(), base, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": at_s,
        "X-Slack-Signature": f"v0={signature}",
    }
    return Message("/slack/interactions", body, headers)


def click(mark: str) -> dict[str, Any]:
    """What Slack posts for a click on a button."""
    return {
        "type": "block_actions",
        "team": {"id": "T0SHOP"},
        "user": {"id": "U0ADA", "name": "ada"},
        "channel": {"id": "C0SHOP", "name": "reliability"},
        "container": {"type": "message", "message_ts": "1.2"},
        "actions": [{"action_id": "acknowledge", "action_ts": mark, "value": mark}],
    }


def alert_post(mark: str, filling: str = "") -> dict[str, Any]:
    """What Alertmanager posts for one firing alert."""
    alert = {
        "status": "firing",
        "labels": {"alertname": mark, "severity": "page", "service": "payments"},
        "annotations": {"summary": "payments burn", "description": filling},
        "startsAt": rfc3339(now_us()),
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.example/graph",
        "fingerprint": hashlib.sha256(mark.encode()).hexdigest()[:16],
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{mark}"}}',
        "status": "firing",
        "receiver": "tillwatch",
        "groupLabels": {"alertname": mark},
        "commonLabels": alert["labels"],
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": [alert],
    }


def _events(mark: str, filling: str) -> Message:
    parts = {f"part{at}": filling[at : at + 2_000] for at in range(0, len(filling), 2_000)}
    return post_json("/api/events", [payment(mark, attributes=parts)])


def _changes(mark: str, filling: str) -> Message:
    change = {"id": mark, "service": "payments", "summary": f"release {mark}", "version": mark}
    return post_json("/api/changes", {**change, "kind": "deploy"})


def _alerts(mark: str, filling: str) -> Message:
    return post_json("/webhooks/alertmanager", alert_post(mark, filling))


def _slack(mark: str, filling: str) -> Message:
    return slack_message(click(mark))


def _otlp(signal: Signal, *, as_json: bool) -> Maker:
    def make(mark: str, filling: str) -> Message:
        told = document(signal, mark, filling)
        body = json.dumps(told).encode() if as_json else protobuf(signal, told)
        headers = {"Content-Type": JSON if as_json else PROTOBUF}
        return Message(signal.path, body, headers, otlp=True)

    return make


INPUTS: dict[str, Maker] = {
    "events": _events,
    "changes": _changes,
    "alerts": _alerts,
    "slack": _slack,
    **{f"{one.name} json": _otlp(one, as_json=True) for one in SIGNALS},
    **{f"{one.name} protobuf": _otlp(one, as_json=False) for one in SIGNALS},
}
NAMES = (*INPUTS, *(f"grpc {one.name}" for one in SIGNALS))
