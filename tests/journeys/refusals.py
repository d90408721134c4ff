"""What a refusal looks like, and a good event to make bad ones from."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.journeys.shop import payment

SECRET = "the-signing-secret"
MIB = 1024**2
JSON = "application/json"
PROTOBUF = "application/x-protobuf"
BOMB = gzip.compress(bytes(100 * MIB), 9)
NEVER = "01a20344-3803-7534-86b8-69c4106305cd"


@dataclass(frozen=True)
class Case:
    """A request and how it is refused. `path`: the place that the problem names."""

    name: str
    body: bytes
    status: int
    code: str
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def event(**changes: Any) -> bytes:
    """A good payment with some fields replaced, as JSON."""
    good = payment("pay-bad")
    data = {**good["data"], **changes.pop("data", {})}
    return json.dumps({**good, "data": data, **changes}).encode()


def gz(body: bytes) -> bytes:
    return gzip.compress(body)


def check_problem(answer: httpx2.Response, status: int, code: str, path: str = "") -> None:
    """The answer is problem+json with everything that a person needs."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["detail"]
    assert problem["title"]
    assert problem["instance"].startswith("/")
    assert "path" in problem or "hint" in problem, problem
    if path == "*":
        assert problem["path"], problem
    elif path:
        assert problem["path"] == path, problem
