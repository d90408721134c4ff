"""The shop's own HTTP face: feature flags, and the switch of the simulated fault.

`GET|PUT /flags/{key}` is what the runbook step talks to; `POST /fault` is what the story pulls;
`GET /state` tells what has happened. Loopback only.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kernel.clock import Clock, rfc3339

_MAX_BODY = 64 * 1024


class ShopSwitches:
    """Flags and fault of the shop, with the time of each change."""

    def __init__(self, clock: Clock, flags: dict[str, str]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._flags = dict(flags)
        self._done: dict[str, dict[str, Any]] = {}
        self.history: list[dict[str, Any]] = []
        self.onset: str = ""
        self.notes: dict[str, Any] = {}

    def flag(self, key: str) -> str | None:
        """The flag's value, or None where there is no such flag."""
        with self._lock:
            return self._flags.get(key)

    def flags(self) -> dict[str, str]:
        """All flags."""
        with self._lock:
            return dict(self._flags)

    def put(self, key: str, value: str, idempotency_key: str) -> dict[str, Any] | None:
        """Set a flag once per idempotency key; None where there is no such flag."""
        with self._lock:
            if key not in self._flags:
                return None
            if idempotency_key and idempotency_key in self._done:
                return self._done[idempotency_key]
            before, self._flags[key] = self._flags[key], value
            at = rfc3339(self._clock.now_us())
            answer = {"key": key, "value": value}
            self.history.append({"at": at, "key": key, "before": before, "value": value})
            if idempotency_key:
                self._done[idempotency_key] = answer
            return answer

    def fault_began(self) -> str:
        """Write down the onset, once, and answer it."""
        with self._lock:
            self.onset = self.onset or rfc3339(self._clock.now_us())
            return self.onset

    def state(self) -> dict[str, Any]:
        """Everything, for the story."""
        with self._lock:
            return {
                "flags": dict(self._flags),
                "history": list(self.history),
                "onset": self.onset,
                **self.notes,
            }


class SwitchServer(ThreadingHTTPServer):
    """Serves the switches on loopback. `on_fault` is called before the onset is written."""

    daemon_threads = True

    def __init__(self, switches: ShopSwitches, port: int, on_fault: Callable[[], None]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.switches = switches
        self.on_fault = on_fault


def serve_switches(switches: ShopSwitches, port: int, on_fault: Callable[[], None]) -> SwitchServer:
    """Serve in a thread of its own. `port` 0 takes a free one."""
    server = SwitchServer(switches, port, on_fault)
    threading.Thread(target=server.serve_forever, name="shop-switches", daemon=True).start()
    return server


class _Handler(BaseHTTPRequestHandler):
    server: SwitchServer

    def do_GET(self) -> None:
        key = self._flag_key()
        if self.path == "/state":
            self._answer(200, self.server.switches.state())
        elif key and (value := self.server.switches.flag(key)) is not None:
            self._answer(200, {"key": key, "value": value})
        else:
            self._missing()

    def do_PUT(self) -> None:
        key = self._flag_key()
        value = self._body().get("value")
        if not key or not isinstance(value, str):
            self._answer(400, {"error": 'PUT /flags/{key} with {"value": "..."}'})
            return
        done = self.server.switches.put(key, value, self.headers.get("Idempotency-Key", ""))
        if done is None:
            self._missing()
        else:
            self._answer(200, done)

    def do_POST(self) -> None:
        if self.path != "/fault":
            self._missing()
            return
        self.server.on_fault()
        self._answer(200, {"onset": self.server.switches.fault_began()})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """The shop is quiet: its terminal belongs to the story."""

    def _flag_key(self) -> str:
        return self.path.removeprefix("/flags/") if self.path.startswith("/flags/") else ""

    def _body(self) -> dict[str, Any]:
        length = min(int(self.headers.get("Content-Length") or 0), _MAX_BODY)
        try:
            body = json.loads(self.rfile.read(length) or b"{}")
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}

    def _missing(self) -> None:
        self._answer(404, {"error": f"nothing at {self.path}"})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
