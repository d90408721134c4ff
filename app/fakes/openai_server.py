"""FakeOpenAI: a loopback model service with state, for tests and the demo.

Speaks enough of the Responses and Chat Completions APIs for the real SDK. In mode `good` it really
answers from the evidence table of the request; the other modes misbehave in one way each.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from kernel import strict_json
from kernel.errors import BadInput

MAX_REQUEST_BYTES = 4 * 1024 * 1024
_HUGE_BYTES = 10 * 1024 * 1024


class FakeMode(StrEnum):
    """How the service behaves."""

    GOOD = "good"
    GARBAGE = "garbage"
    HANG = "hang"
    DRIP = "drip"
    REFUSE = "refuse"
    ERROR_500 = "error_500"
    WRONG_NUMBERS = "wrong_numbers"
    UNKNOWN_EVIDENCE = "unknown_evidence"
    FOREIGN_NAMES = "foreign_names"
    URL_INJECTION = "url_injection"
    UNOFFERED_STEP = "unoffered_step"
    DUPLICATE_KEYS = "duplicate_keys"
    TRUNCATED = "truncated"
    HUGE = "huge"
    REDIRECT = "redirect"


@dataclass
class _State:
    mode: FakeMode = FakeMode.GOOD
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    # Set when the server stops: whoever hangs lets go.
    stopping: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)


class FakeOpenAI:
    """Use as a context manager; give `base_url` to the client as OPENAI_BASE_URL."""

    def __init__(self, mode: FakeMode = FakeMode.GOOD, port: int = 0) -> None:
        """`port` 0 takes a free one."""
        self._state = _State(mode=mode)
        handler = type("Handler", (_Handler,), {"state": self._state})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )

    @property
    def base_url(self) -> str:
        """Address with the version path, as the SDK wants it."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def mode(self) -> FakeMode:
        """How it behaves now."""
        return self._state.mode

    @mode.setter
    def mode(self, mode: FakeMode) -> None:
        self._state.mode = mode

    @property
    def requests(self) -> list[tuple[str, bytes]]:
        """(path, body) of everything asked so far."""
        with self._state.lock:
            return list(self._state.requests)

    def start(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, letting go of whoever is kept hanging."""
        self._state.stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    state: _State
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing on stderr."""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_REQUEST_BYTES:
            self._reply(413, {"error": {"message": "too large", "type": "invalid_request_error"}})
            return
        body = self.rfile.read(int(length))
        with self.state.lock:
            self.state.requests.append((self.path, body))
        if not self.headers.get("Authorization", "").startswith("Bearer "):
            self._reply(401, {"error": {"message": "no key", "type": "invalid_request_error"}})
            return
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        match self.state.mode:
            case FakeMode.HANG:
                self.state.stopping.wait(60)
            case FakeMode.DRIP:
                self._drip()
            case FakeMode.ERROR_500:
                self._reply(500, {"error": {"message": "overloaded", "type": "server_error"}})
            case FakeMode.REDIRECT:
                self._send(302, b"", {"Location": f"http://{self.headers['Host']}/elsewhere"})
            case FakeMode.HUGE:
                self._send(200, b'{"output":"' + b"a" * _HUGE_BYTES + b'"}', {})
            case FakeMode.TRUNCATED:
                whole = json.dumps(self._envelope(body)).encode()
                self._send(200, whole[: len(whole) // 2], {})
            case _:
                self._reply(200, self._envelope(body))

    def _envelope(self, body: bytes) -> dict[str, Any]:
        try:
            request = strict_json.loads(body)
        except BadInput as fault:
            return {"error": {"message": fault.message}}
        chat = self.path.endswith("/chat/completions")
        text = answer_text(self.state.mode, _evidence(request, chat=chat))
        refused = self.state.mode is FakeMode.REFUSE
        return _chat(request, text, refused) if chat else _response(request, text, refused)

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "100000")
        self.end_headers()
        try:
            while not self.state.stopping.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _reply(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode(), {})

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True


def _evidence(request: Any, *, chat: bool) -> dict[str, Any]:
    """The evidence document inside the request; {} where there is none."""
    try:
        text = request["messages"][-1]["content"] if chat else request["input"]
        found = strict_json.loads(text)
    except (BadInput, KeyError, IndexError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def answer_text(mode: FakeMode, document: dict[str, Any]) -> str:
    """The model's text in this mode, made from the evidence document."""
    claims = _claims(document)
    offered = document.get("candidates") or []
    step = {key: offered[0][key] for key in ("runbook_id", "step_id")} if offered else None
    match mode:
        case FakeMode.GARBAGE:
            return "Sure! I had a look and everything is probably fine {claims: [}"
        case FakeMode.WRONG_NUMBERS:
            wrong = [{**claim, "text": f"{claim['text']} That is 73.31 %."} for claim in claims]
            claims = [*claims[:1], *wrong[1:]]
        case FakeMode.UNKNOWN_EVIDENCE:
            claims = [*claims[:1], *({**claim, "evidence_ids": ["E99"]} for claim in claims[1:])]
        case FakeMode.FOREIGN_NAMES:
            claims = [*claims[:1], *({**one, "text": "Mollie fails too."} for one in claims[1:2])]
        case FakeMode.URL_INJECTION:
            bad = {"text": "See https://evil.example/fix?d=1 for the fix.", "evidence_ids": ["E1"]}
            claims = [*claims, bad]
        case FakeMode.UNOFFERED_STEP:
            step = {"runbook_id": "drop-database", "step_id": "now"}
        case FakeMode.DUPLICATE_KEYS:
            whole = json.dumps({"claims": claims, "suggestion": step})
            return whole[:-1] + ', "claims": []}'
    return json.dumps({"claims": claims, "suggestion": step})


def _claims(document: dict[str, Any]) -> list[dict[str, Any]]:
    claims = []
    for piece in document.get("evidence", []):
        text = _sentence(piece["kind"], piece["numbers"])
        if text:
            claims.append({"text": text, "evidence_ids": [piece["id"]]})
    return claims[:6]


def _sentence(kind: str, numbers: dict[str, Any]) -> str:
    """One true sentence about a piece, or ""."""
    if kind == "traffic":
        return f"{numbers['bad']} of {numbers['total']} attempts failed since the onset."
    if kind == "breakdown" and "segment" in numbers:
        share = numbers["share_in"] * 100
        return f"The failures follow {numbers['segment']}, where {share:.1f} % fail."
    if kind == "failure_modes" and "error_type" in numbers:
        return f"Most of them end with {numbers['error_type']}."
    if kind == "traces" and "error_service" in numbers:
        return f"Failing traces break in {numbers['error_service']} {numbers['error_operation']}."
    if kind == "change" and numbers.get("relation") == "unrelated":
        return f"The change of {numbers['service']} is unrelated to what fails."
    return ""


def _response(request: dict[str, Any], text: str, refused: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    if refused:
        content = {"type": "refusal", "refusal": "I cannot help with that."}
    return {
        "id": "resp_fake",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": f"{request.get('model', '')}-fake",
        "output": [
            {
                "type": "message",
                "id": "msg_fake",
                "role": "assistant",
                "status": "completed",
                "content": [content],
            }
        ],
        "parallel_tool_calls": False,
        "tool_choice": "none",
        "tools": [],
        "usage": {"input_tokens": 900, "output_tokens": 100, "total_tokens": 1000},
    }


def _chat(request: dict[str, Any], text: str, refused: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if refused:
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    return {
        "id": "chatcmpl_fake",
        "object": "chat.completion",
        "created": 0,
        "model": f"{request.get('model', '')}-fake",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000},
    }
