"""A vendor's status page on loopback: components and incidents with state, and ways to fail."""

from __future__ import annotations

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

PATH = "/api/v2/summary.json"


class StatusPage:
    """Answers as Statuspage does. `light`: the page's own word, which people forget to turn."""

    def __init__(self) -> None:
        self.light = "none"
        self.components: list[dict[str, Any]] = [component("api", "API")]
        self.incidents: list[dict[str, Any]] = []
        self.maintenances: list[dict[str, Any]] = []
        self.updated_at = ""
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.instead: tuple[int, dict[str, str], bytes] | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def document(self) -> dict[str, Any]:
        """The summary as it stands."""
        page = {"id": "page-1", "name": "Vendor", "url": "https://status.example"}
        return {
            "page": {**page, "updated_at": self.updated_at} if self.updated_at else page,
            "status": {"indicator": self.light, "description": "All Systems Operational"},
            "components": self.components,
            "incidents": self.incidents,
            "scheduled_maintenances": self.maintenances,
        }

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Compressed for those who take it so, as behind every content network."""
        self.asked.append((path, headers))
        if self.instead is not None:
            return self.instead
        if path != PATH:
            return 404, {}, b"<html>not here</html>"
        body = json.dumps(self.document()).encode()
        if "gzip" in headers.get("accept-encoding", ""):
            return 200, {"Content-Encoding": "gzip"}, gzip.compress(body)
        return 200, {"Content-Type": "application/json"}, body


def component(part_id: str, name: str, status: str = "operational", at: str = "") -> dict[str, Any]:
    return {"id": part_id, "name": name, "status": status, "updated_at": at, "group": False}


def incident(status: str, at: str, impact: str = "none", **more: Any) -> dict[str, Any]:
    return {
        "id": "inc-1",
        "name": "Database query delays",
        "status": status,
        "impact": impact,
        "created_at": at,
        "updated_at": at,
        "shortlink": "https://stspg.example/inc-1",
        "components": [component("api", "API")],
        **more,
    }


def _handler(page: StatusPage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, named, body = page.answer(self.path, headers)
            self.send_response(status)
            for name, value in named.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return  # the reader had enough

        def log_message(self, *args: Any) -> None:
            pass

    return Handler
