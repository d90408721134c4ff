"""Bodies to send: all distinct, with ids that nobody used before, 3 % of them with a card number.

Making a span with its attributes anew each time would take longer than to take it in, so bodies
are stamped: a few templates are made with care, and each copy gets fresh ids in their places.
"""

from __future__ import annotations

import json
import os
import random
import zlib
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from collector.otlp.json_encode import encode_json

SPANS = 512
_TEMPLATES = 8
# Of 33 bodies one holds a number that has to be masked.
_EVERY = 33
# The card schemes' own test numbers.
_CARDS = ("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005")
_TRACE_ID = b"\xf1stamped-trace\xf2\xf3"
_SPAN_ID = b"\xf4stamp\xf5\xf6"


class Exports:
    """OTLP trace exports of 512 checkout-like spans with eight attributes each."""

    def __init__(self, seed: int, now_ns: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - test data
        self._now_ns = now_ns
        self._plain = [self._template("") for _ in range(_TEMPLATES)]
        self._carded = [self._template(card) for card in _CARDS]

    def protobuf(self, count: int) -> list[bytes]:
        """Plain protobuf bodies."""
        parts = _parted(ExportTraceServiceRequest.SerializeToString, bytes)
        return self._stamped(count, parts, bytes)

    def json(self, count: int) -> list[bytes]:
        """OTLP/JSON bodies."""
        return self._stamped(count, _parted(encode_json, _hex), _hex)

    def gzip(self, count: int) -> list[bytes]:
        """Protobuf bodies, gzipped as SDKs do it (level 6)."""
        return [_gzip(body) for body in self.protobuf(count)]

    def _stamped(
        self,
        count: int,
        parted: Callable[[ExportTraceServiceRequest], list[bytes]],
        written: Callable[[bytes], bytes],
    ) -> list[bytes]:
        plain = [parted(one) for one in self._plain]
        carded = [parted(one) for one in self._carded]
        return [
            _with_ids(
                carded[number % len(carded)]
                if number % _EVERY == 0
                else plain[number % _TEMPLATES],
                written,
            )
            for number in range(count)
        ]

    def _template(self, card: str) -> ExportTraceServiceRequest:
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        _put(group.resource.attributes, "service.name", "checkout")
        _put(group.resource.attributes, "service.version", "1.2.3")
        scope = group.scope_spans.add()
        scope.scope.name = "io.opentelemetry.checkout"
        for number in range(SPANS):
            self._span(scope.spans.add())
            if card and number == SPANS // 2:
                _put(scope.spans[-1].attributes, "note", f"paid with {card} today")
        return request

    def _span(self, span: Any) -> None:
        rng = self._rng
        span.trace_id, span.span_id = _TRACE_ID, _SPAN_ID
        span.name, span.kind = "POST /checkout", 2
        span.start_time_unix_nano = self._now_ns - rng.randrange(10**9)
        span.end_time_unix_nano = span.start_time_unix_nano + rng.randrange(10**8)
        for key, value in (
            ("http.request.method", "POST"),
            ("http.route", "/checkout/{id}"),
            ("http.response.status_code", 200),
            ("server.address", "shop.example.com"),
            ("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
            ("demo.order.id", f"{rng.randrange(1 << 32):08x}-{rng.randrange(1 << 16):04x}"),
            ("url.path", f"/checkout/{rng.randrange(10**6)}"),
            ("rpc.system", "grpc"),
        ):
            _put(span.attributes, key, value)


def events(count: int, batch: int, now: str, run: str) -> list[bytes]:
    """JSON bodies of `batch` shop events each, as a shop sends them."""
    return [_events(batch, now, f"{run}-{number}", number % _EVERY == 0) for number in range(count)]


def _events(batch: int, now: str, name: str, has_card: bool) -> bytes:
    found = [_event(f"{name}-{place}", now) for place in range(batch)]
    if has_card:
        found[0]["data"]["attributes"] = {"note": f"declined {_CARDS[0]}"}
    return json.dumps(found if batch > 1 else found[0]).encode()


def _event(name: str, now: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"evt-{name}",
        "source": "bench-shop",
        "type": "payment.succeeded",
        "time": now,
        "data": {
            "payment_id": f"pay-{name}",
            "checkout_id": f"co-{name}",
            "amount_minor": 4990,
            "currency": "EUR",
            "provider": "stripe",
            "method": "card",
            "country": "DE",
            "region": "eu-central",
        },
    }


def _put(attributes: Any, key: str, value: str | int) -> None:
    pair = attributes.add()
    pair.key = key
    if isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.string_value = value


def _parted(
    encode: Callable[[ExportTraceServiceRequest], bytes], written: Callable[[bytes], bytes]
) -> Callable[[ExportTraceServiceRequest], list[bytes]]:
    """Gives the pieces of a body between its ids, which alternate: trace, span, trace, ..."""

    def parted(request: ExportTraceServiceRequest) -> list[bytes]:
        pieces: list[bytes] = []
        for piece in encode(request).split(written(_TRACE_ID)):
            pieces += piece.split(written(_SPAN_ID))
        return pieces

    return parted


def _with_ids(pieces: list[bytes], written: Callable[[bytes], bytes]) -> bytes:
    noise = os.urandom(12 * len(pieces))
    found = [pieces[0]]
    for number, piece in enumerate(pieces[1:]):
        size = 8 if number % 2 else 16
        found += (written(noise[12 * number : 12 * number + size]), piece)
    return b"".join(found)


def _hex(raw: bytes) -> bytes:
    return raw.hex().encode()


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()
