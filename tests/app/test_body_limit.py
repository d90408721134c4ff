"""Bodies are bounded in size and time while they come in, whatever their headers say."""

from __future__ import annotations

import asyncio
import json

import pytest

from app.body_limit import BodyLimit, BodyRule

RULES = (BodyRule("/", 10), BodyRule("/in/", 100, retried=True))


async def echo(scope, receive, send) -> None:
    """Reads all and answers with the size; swallows every error, as frameworks do."""
    size = 0
    more = True
    status = 200
    while more:
        try:
            message = await receive()
        except Exception:  # noqa: BLE001 - what FastAPI does around its body parsing
            status = 400
            break
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def call(path: str, chunks: list[bytes | None], *, length: str = "", deadline_s: float = 20.0):
    """(status, headers, body); a chunk of None is a sender that never goes on."""
    sent: list[dict] = []
    queue = list(chunks)

    async def receive():
        chunk = queue.pop(0)
        if chunk is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": chunk, "more_body": bool(queue)}

    async def send(message) -> None:
        sent.append(message)

    headers = [(b"content-length", length.encode())] if length else []
    scope = {"type": "http", "path": path, "method": "POST", "headers": headers}
    app = BodyLimit(echo, RULES, deadline_s=deadline_s)
    asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    start = sent[0]
    return start["status"], dict(start["headers"]), sent[1]["body"]


def test_a_body_within_its_bound_passes_unchanged():
    assert call("/", [b"12345", b"67890"])[::2] == (200, b"10")
    assert call("/in/x", [b"x" * 100])[0] == 200


@pytest.mark.parametrize("length", ["", "3"])
def test_a_body_over_the_bound_is_413_even_if_the_header_lies(length):
    status, headers, body = call("/", [b"12345", b"678901"], length=length)
    assert status == 413
    assert headers[b"content-type"] == b"application/problem+json"
    assert json.loads(body)["code"] == "too_large"


def test_a_declared_size_over_the_bound_is_refused_before_a_byte_is_read():
    assert call("/", [None], length="11")[0] == 413


def test_a_body_that_never_ends_is_413_at_the_bound():
    assert call("/in/x", [b"x" * 40] * 1000)[0] == 413


def test_a_body_that_trickles_is_408_for_people_and_503_for_senders_that_retry():
    assert call("/", [b"1", None], deadline_s=0.01)[0] == 408
    status, headers, _ = call("/in/x", [b"1", None], deadline_s=0.01)
    assert status == 503
    assert headers[b"retry-after"] == b"1"
