"""FakeSlack: a loopback server with state that the real slack_sdk talks to.

Keeps every message as a channel would show it and every open form, refuses what Slack refuses,
follows a script of faults, and signs clicks, forms and commands the way Slack does. For tests and
the demo.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from app.fakes.slack_requests import (
    Filled,
    Press,
    Sender,
    block_actions,
    signed,
    slash_command,
    view_submission,
)
from app.fakes.slack_workspace import (
    CHANNEL_ID,
    TEAM,
    Fault,
    Modal,
    SlackMessage,
    SlackUser,
    SlackWorkspace,
)

__all__ = ["CHANNEL_ID", "TEAM", "FakeSlack", "Fault", "Modal", "SlackMessage", "SlackUser"]

_MAX_BODY = 1024 * 1024


class FakeSlack:
    """The workspace. Use as a context manager; `url` goes into TILLWATCH_SLACK_API_URL."""

    def __init__(self, signing_secret: str = "fake-signing-secret") -> None:  # noqa: S107
        self.signing_secret = signing_secret
        self.workspace = SlackWorkspace()
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

    @property
    def messages(self) -> list[SlackMessage]:
        """Everything that was said, the oldest first."""
        return self.workspace.messages

    @property
    def faults(self) -> deque[Fault]:
        """The script: each entry spoils one call."""
        return self.workspace.faults

    @property
    def calls(self) -> list[str]:
        """The methods that were called, in order."""
        return self.workspace.calls

    def cards(self) -> list[SlackMessage]:
        """Messages in the channel itself: no threads, nothing ephemeral."""
        with self._lock:
            return [m for m in self.messages if not m.thread_ts and not m.ephemeral_to]

    def thread(self, ts: str) -> list[SlackMessage]:
        """Replies below a message."""
        with self._lock:
            return [m for m in self.messages if m.thread_ts == ts]

    def whispers(self, user: str = "") -> list[SlackMessage]:
        """Messages that only one person saw (only those to `user`, where one is named)."""
        with self._lock:
            return [m for m in self.messages if m.ephemeral_to and user in {"", m.ephemeral_to}]

    def forms(self, user: str) -> list[Modal]:
        """The modals that stand open before a person, the newest last."""
        with self._lock:
            found = [one for one in self.workspace.modals.values() if one.user == user]
        return [one for one in found if not one.submitted]

    def add_user(self, user: SlackUser) -> None:
        """A member of the workspace, or a change of one."""
        with self._lock:
            self.workspace.users[user.id] = user

    def click(
        self, message: SlackMessage, action_id: str, user: str, team: str = TEAM, **more: str
    ) -> bytes:
        """The body of the request that Slack sends for a click on this message's button.

        `more`: fields of the sender (`app`, `enterprise`), or `ts`: the click is on a forwarded
        copy of the message that stands there.
        """
        ts = more.pop("ts", message.ts)
        sender = Sender(user, team, **more)
        with self._lock:
            self._clicks += 1
            self._knows(sender)
            press = Press(
                channel=message.channel,
                message_ts=ts,
                action_id=action_id,
                value=message.button(action_id).get("value", ""),
                action_ts=f"1700000000.{self._clicks:06d}",
                thread_ts=message.thread_ts,
            )
            return block_actions(sender, press, self.workspace.new_trigger(user, team))

    def submit(
        self,
        modal: Modal,
        typed: Mapping[str, str] | None = None,
        chosen: Mapping[str, str] | None = None,
        user: str = "",
    ) -> bytes:
        """The body of the request that Slack sends when a person sends a form (as another user,
        where one is named: no Slack would).
        """
        with self._lock:
            modal.submitted = True
            filled = Filled(modal.id, modal.view, typed or {}, chosen or {})
            return view_submission(Sender(user or modal.user, modal.team), filled)

    def command(self, text: str, user: str, team: str = TEAM, **more: str) -> bytes:
        """The body of the request that Slack sends for `/tillwatch <text>`."""
        sender = Sender(user, team, **more)
        with self._lock:
            self._knows(sender)
            trigger_id = self.workspace.new_trigger(user, team)
            return slash_command(sender, "/tillwatch", text, trigger_id, CHANNEL_ID)

    def headers(self, body: bytes, at_s: int, retry: int = 0) -> dict[str, str]:
        """Slack's signature headers for this body."""
        return signed(self.signing_secret, body, at_s, retry)

    def answer(
        self, method: str, body: Mapping[str, Any]
    ) -> tuple[int, dict[str, str], dict[str, Any]]:
        """What the API says to one call, after the delay of its fault: (status, headers, JSON)."""
        with self._lock:
            fault = self.workspace.next_fault(method)
        time.sleep(fault.hang_s if fault else 0.0)
        with self._lock:
            return self.workspace.answer(method, body, fault)

    def _knows(self, sender: Sender) -> None:
        """Whoever acts in Slack has an account: of another workspace, by a shared channel."""
        known = SlackUser(sender.user, sender.team, stranger=sender.team != TEAM)
        self.workspace.users.setdefault(sender.user, known)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, slack: FakeSlack) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.slack = slack


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        """JSON for methods that write; those that read take only form fields (docs.slack.dev)."""
        length = min(int(self.headers.get("Content-Length") or 0), _MAX_BODY)
        raw = self.rfile.read(length)
        if not self.headers.get("Content-Type", "").startswith("application/json"):
            self._answer(dict(parse_qsl(raw.decode("utf-8", "replace"))))
            return
        try:
            self._answer(json.loads(raw or b"{}"))
        except ValueError:
            self._answer({})

    def _answer(self, body: Mapping[str, Any]) -> None:
        method = urlsplit(self.path).path.removeprefix("/api/")
        status, headers, document = self.server.slack.answer(method, body)
        data = json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        # Whoever gave up waiting is gone.
        with contextlib.suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Quiet."""
