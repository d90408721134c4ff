"""FakeSlack: a loopback server with state that the real slack_sdk talks to.

Keeps every message as a channel would show it, follows a script of faults, and signs clicks the
way Slack does. For tests and the demo.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlencode

_MAX_BODY = 1024 * 1024
TEAM = "T0SHOP"
CHANNEL_ID = "C0RELIABILITY"


@dataclass
class SlackMessage:
    """One message as people see it now."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]]
    thread_ts: str = ""
    updates: int = 0
    ephemeral_to: str = ""

    def button(self, action_id: str) -> dict[str, Any]:
        """The button with this action id; KeyError where the message has none."""
        for block in self.blocks:
            for element in block.get("elements", []):
                if element.get("action_id") == action_id:
                    return dict(element)
        raise KeyError(action_id)


@dataclass(frozen=True)
class Fault:
    """One scripted answer: an HTTP status, a Slack error code, and headers."""

    status: int = 200
    error: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class FakeSlack:
    """The workspace. Use as a context manager; `url` goes into TILLWATCH_SLACK_API_URL."""

    def __init__(self, signing_secret: str = "fake-signing-secret") -> None:  # noqa: S107
        self.signing_secret = signing_secret
        self.messages: list[SlackMessage] = []
        self.faults: deque[Fault] = deque()
        self.calls: list[str] = []
        self._lock = threading.Lock()
        self._clicks = 0
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base address of the API, with the closing slash that slack_sdk wants."""
        return f"http://127.0.0.1:{self._server.server_port}/api/"

    def cards(self) -> list[SlackMessage]:
        """Messages in the channel itself: no threads, nothing ephemeral."""
        with self._lock:
            return [m for m in self.messages if not m.thread_ts and not m.ephemeral_to]

    def thread(self, ts: str) -> list[SlackMessage]:
        """Replies below a message."""
        with self._lock:
            return [m for m in self.messages if m.thread_ts == ts]

    def whispers(self) -> list[SlackMessage]:
        """Messages that only one person saw."""
        with self._lock:
            return [m for m in self.messages if m.ephemeral_to]

    def click(self, message: SlackMessage, action_id: str, user: str, team: str = TEAM) -> bytes:
        """The body of the request that Slack sends for a click on this message's button."""
        self._clicks += 1
        button = message.button(action_id)
        payload = {
            "type": "block_actions",
            "team": {"id": team, "domain": "shop"},
            "user": {"id": user, "name": "somebody"},
            "token": "deprecated-verification-token",
            "trigger_id": "1.2.3",
            "response_url": "http://127.0.0.1:9/never",
            "channel": {"id": message.channel, "name": "reliability"},
            "container": {"type": "message", "message_ts": message.ts},
            "actions": [
                {
                    "type": "button",
                    "action_id": action_id,
                    "block_id": "b",
                    "value": button.get("value", ""),
                    "action_ts": f"1700000000.{self._clicks:06d}",
                }
            ],
        }
        return urlencode({"payload": json.dumps(payload)}).encode()

    def headers(self, body: bytes, at_s: int) -> dict[str, str]:
        """Slack's signature headers for this body."""
        base = b"v0:" + str(at_s).encode() + b":" + body
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": str(at_s),
            "X-Slack-Signature": f"v0={digest}",
        }

    def answer(
        self, method: str, body: dict[str, Any]
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        """What the API says to one call: (status, headers, document)."""
        with self._lock:
            self.calls.append(method)
            if self.faults:
                fault = self.faults.popleft()
                if fault.error or fault.status != 200:
                    failed = {"ok": False, "error": fault.error or "internal_error"}
                    return fault.status, fault.headers, failed
            known: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
                "chat.postMessage": self._post,
                "chat.postEphemeral": self._whisper,
                "chat.update": self._update,
                "auth.test": self._who,
            }
            handler = known.get(method)
            if handler is None:
                return 200, {}, {"ok": False, "error": "unknown_method"}
            return 200, {}, handler(body)

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        message = self._add(body)
        return {"ok": True, "channel": message.channel, "ts": message.ts}

    def _whisper(self, body: dict[str, Any]) -> dict[str, Any]:
        message = self._add(body)
        message.ephemeral_to = str(body.get("user", ""))
        return {"ok": True, "message_ts": message.ts}

    def _update(self, body: dict[str, Any]) -> dict[str, Any]:
        for message in self.messages:
            if message.ts == body.get("ts") and message.channel == body.get("channel"):
                message.text = str(body.get("text", ""))
                message.blocks = list(body.get("blocks") or [])
                message.updates += 1
                return {"ok": True, "channel": message.channel, "ts": message.ts}
        return {"ok": False, "error": "message_not_found"}

    @staticmethod
    def _who(_body: dict[str, Any]) -> dict[str, Any]:
        return {"ok": True, "team_id": TEAM, "user_id": "U0BOT"}

    def _add(self, body: dict[str, Any]) -> SlackMessage:
        message = SlackMessage(
            channel=CHANNEL_ID,
            ts=f"1700000000.{len(self.messages) + 1:06d}",
            text=str(body.get("text", "")),
            blocks=list(body.get("blocks") or []),
            thread_ts=str(body.get("thread_ts", "")),
        )
        self.messages.append(message)
        return message


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, slack: FakeSlack) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.slack = slack


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = min(int(self.headers.get("Content-Length") or 0), _MAX_BODY)
        raw = self.rfile.read(length)
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        method = self.path.removeprefix("/api/")
        status, headers, document = self.server.slack.answer(method, body)
        data = json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""
