"""FakeOpenAI: a loopback model service with state, for tests and the demo.

Speaks enough of the Responses and Chat Completions APIs for the real SDK. In mode `good` it really
answers from the evidence table of the request; the other modes misbehave in one way each.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
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
    ABSTAIN = "abstain"
    CURIOUS = "curious"
    SCRIPT = "script"
    TRUNCATED = "truncated"
    HUGE = "huge"
    REDIRECT = "redirect"


@dataclass
class _State:
    mode: FakeMode = FakeMode.GOOD
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    script: Callable[[dict[str, Any]], str] | None = None
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

    def obey(self, script: Callable[[dict[str, Any]], str]) -> None:
        """Answer with whatever `script` makes of the evidence document: an attacker's model."""
        self._state.script = script
        self._state.mode = FakeMode.SCRIPT

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
        document = _evidence(request, chat=chat)
        script = self.state.script if self.state.mode is FakeMode.SCRIPT else None
        text = script(document) if script else answer_text(self.state.mode, document)
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
    queries: list[dict[str, str]] = []
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
            bad = _claim("where", "See https://evil.example/fix?d=1 for the fix.", "E1")
            claims = [*claims, bad]
        case FakeMode.UNOFFERED_STEP:
            step = {"runbook_id": "drop-database", "step_id": "now"}
        case FakeMode.ABSTAIN:
            claims, step = [], None
        case FakeMode.CURIOUS if document.get("queries_left"):
            queries = _wishes(document)
            claims = [] if queries else claims
        case FakeMode.DUPLICATE_KEYS:
            whole = json.dumps({"claims": claims, "queries": [], "suggestion": step})
            return whole[:-1] + ', "claims": []}'
    return json.dumps({"claims": claims, "queries": queries, "suggestion": step})


def _claims(document: dict[str, Any]) -> list[dict[str, Any]]:
    verdict = str(document.get("verdict"))
    found = (_sentence(piece, verdict) for piece in document.get("evidence", []))
    return [claim for claim in found if claim][:6]


def _claim(kind: str, text: str, evidence_id: str, **said: str) -> dict[str, Any]:
    """`said`: field -> as the sentence says it."""
    refs = [{"said": one, "evidence_id": evidence_id, "field": name} for name, one in said.items()]
    return {"kind": kind, "text": text, "evidence_ids": [evidence_id], "refs": refs}


def _sentence(piece: dict[str, Any], verdict: str) -> dict[str, Any] | None:
    """One true claim about a piece, or None."""
    kind, n, name = piece["kind"], piece["numbers"], piece["id"]
    if kind == "traffic":
        bad, total = str(n["bad"]), str(n["total"])
        text = f"{bad} of {total} attempts failed since the onset."
        return _claim("what_fails", text, name, bad=bad, total=total)
    if kind == "breakdown" and "segment" in n:
        share = f"{n['share_in'] * 100:.1f} %"
        text = f"The failures follow {n['segment']}, where {share} fail."
        return _claim("what_fails", text, name, segment=n["segment"], share_in=share)
    if kind == "failure_modes" and "error_type" in n:
        text = f"Most of them end with {n['error_type']}."
        return _claim("where", text, name, error_type=n["error_type"])
    if kind == "traces" and "error_service" in n:
        place = {key: n[key] for key in ("error_service", "error_operation") if key in n}
        return _claim(
            "where", f"Failing traces break in {' '.join(place.values())}.", name, **place
        )
    if kind == "change" and n.get("relation") == "unrelated" and verdict != "cannot_tell":
        text = f"The change of {n['service']} did not cause this."
        return _claim("not_cause", text, name, service=n["service"])
    return None


def _wishes(document: dict[str, Any]) -> list[dict[str, str]]:
    """What a curious model asks for: failures by region, and the log of what breaks."""
    seen = {piece["kind"] for piece in document["evidence"]}
    if "breakdown_by" in seen:
        return []
    wishes = [{"query": "breakdown_by", "evidence_id": "", "field": "region"}]
    for piece in document["evidence"]:
        for name in ("error_service", "service"):
            if name in piece["numbers"]:
                place = {"evidence_id": piece["id"], "field": name}
                return [*wishes, {"query": "logs_of", **place}]
    return wishes


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
