"""Servers with state on loopback: a flag service, and a canary that must never be called."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Loopback:
    """An HTTP server in a thread. `answers` maps a path to (status, headers, body)."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _all(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.seen.append((self.command, self.path, headers, body))
                answer = outer.answer(self.command, self.path, headers, body)
                if answer is None:
                    self.close_connection = True
                    return
                status, more, content = answer
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _all  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.port = int(self._server.server_address[1])
        self.url = f"http://{host}:{self.port}"

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes] | None:
        """None = hang up without an answer."""
        return self.answers.get(path, (200, {}, b"{}"))

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class FlagServer(Loopback):
    """GET and PUT /flags/{key}, remembering values and the idempotency keys it was given."""

    def __init__(self) -> None:
        self.flags: dict[str, Any] = {}
        self.keys: list[str] = []
        self.hang_up_after_put = False
        super().__init__()

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes] | None:
        key = path.removeprefix("/flags/")
        if method == "PUT":
            self.keys.append(headers.get("idempotency-key", ""))
            self.flags[key] = json.loads(body)["value"]
            if self.hang_up_after_put:
                return None
        if key not in self.flags:
            return 404, {}, b"{}"
        return 200, {}, json.dumps({"key": key, "value": self.flags[key]}).encode()

    def puts(self) -> int:
        return sum(1 for method, *_ in self.seen if method == "PUT")
