"""Commands reach the service, and failures become errors with a next step."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from kernel.api_client import ApiClient, open_client
from kernel.errors import BadInput, Conflict, NotConfigured, TillwatchError, Unreachable

PROBLEM = {"detail": "no amount", "path": "$.data", "hint": "add it", "code": "bad_input"}


ANSWERS = {
    "/ok": (200, b'{"n": 1}'),
    "/empty": (204, b""),
    "/bad": (400, json.dumps(PROBLEM).encode()),
    "/taken": (409, b'{"detail": "somebody was faster"}'),
    "/odd": (500, b"<html>"),
    "/list": (503, b"[]"),
    "/nan": (200, b"NaN"),
}


class Peer(BaseHTTPRequestHandler):
    """Answers with what the path names, and echoes the token."""

    def do_GET(self) -> None:
        status, body = ANSWERS.get(self.path, (404, b"{}"))
        if self.path == "/token":
            status, body = 200, json.dumps(self.headers["authorization"]).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Peer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(url):
    made = ApiClient(url, "tw_secret")
    yield made
    made.close()


def test_documents_go_and_come(client):
    assert client.get("/ok") == {"n": 1}
    assert client.get("/empty") is None
    assert client.get("/token") == "Bearer tw_secret"
    assert client.post("/x", {"a": [1]}) == {"a": [1]}


def test_a_problem_comes_back_as_the_error_it_was(client):
    with pytest.raises(BadInput, match="no amount") as bad:
        client.get("/bad")
    assert (bad.value.path, bad.value.hint) == ("$.data", "add it")
    with pytest.raises(Conflict, match="faster"):
        client.get("/taken")


@pytest.mark.parametrize("path", ["/odd", "/list", "/nan", "/nothing"])
def test_any_other_answer_is_an_expected_error_too(client, path):
    with pytest.raises(TillwatchError):
        client.get(path)


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://nowhere.invalid"])
def test_nobody_there_is_unreachable(address):
    with pytest.raises(Unreachable, match="does not answer"):
        ApiClient(address, "").get("/")


@pytest.mark.parametrize("address", ["nonsense", "ftp://x", "http://[::"])
def test_what_is_no_address_is_wrong_usage(address):
    with pytest.raises(BadInput):
        ApiClient(address, "").get("/")


def test_the_token_comes_from_the_environment_or_the_data_folder(tmp_path, monkeypatch, url):
    monkeypatch.delenv("TILLWATCH_TOKEN", raising=False)
    with pytest.raises(NotConfigured, match="TILLWATCH_TOKEN"):
        open_client(url, tmp_path)
    (tmp_path / "admin.token").write_text("tw_file\n")
    assert open_client(url, tmp_path).get("/token") == "Bearer tw_file"
    monkeypatch.setenv("TILLWATCH_TOKEN", "tw_env")
    assert open_client(url, tmp_path).get("/token") == "Bearer tw_env"
