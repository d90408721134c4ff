"""Bombs at every door that unpacks: refused by the rules, and the memory of the door stays flat."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx2
import pytest

from collector.otlp.signals import TRACES
from tests.faults.bombs import BOMBS, endless
from tests.faults.inputs import ENVIRONMENT, JSON, PROTOBUF, Senders
from tests.journeys.running import RunningService, running

KIB_OF_GROWTH = 64 * 1024
PATHS = {
    "OTLP protobuf": ("otlp", "/v1/traces", PROTOBUF),
    "OTLP JSON": ("otlp", "/v1/logs", JSON),
    "events": ("main", "/api/events", JSON),
    "changes": ("main", "/api/changes", JSON),
    "alerts": ("main", "/webhooks/alertmanager", JSON),
    "slack": ("main", "/slack/interactions", "application/x-www-form-urlencoded"),
}
REFUSED = {400, 413, 415}
# Posts of alerts are taken whatever they are, and looked through byte by byte, which takes longer.
WHATEVER = ("deflate", "zstd", "zstd, wide window")


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[RunningService]:
    with running(tmp_path_factory.mktemp("bombs"), **ENVIRONMENT) as found:
        senders = Senders(found)
        for name in ("traces protobuf", "logs json", "events", "changes", "alerts", "grpc traces"):
            assert senders.send(name, "first-end", "x" * 300_000).taken
        yield found
        # It still takes what is good.
        assert senders.send("events", "last-end").taken
        senders.close()
        assert "unexpected_error" not in found.log.read_text(), found.tail()


class Memory:
    """The door's resident set: how far its peak rises above where it stood."""

    def __init__(self, service: RunningService) -> None:
        self._folder = Path(f"/proc/{service.door_pid}")
        (self._folder / "clear_refs").write_text("5")  # the peak begins anew (proc(5))
        self._stood_kib = self._read("VmRSS")

    def growth_kib(self) -> int:
        """Peak minus start."""
        return self._read("VmHWM") - self._stood_kib

    def _read(self, name: str) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def client_for(service: RunningService, where: str) -> httpx2.Client:
    base = service.otlp_url if where == "otlp" else service.url
    headers = {"Authorization": f"Bearer {service.token}"}
    return httpx2.Client(base_url=base, headers=headers, timeout=60, trust_env=False)


@pytest.mark.parametrize("at", PATHS)
def test_no_bomb_costs_memory(service, at):
    where, path, media_type = PATHS[at]
    memory = Memory(service)
    with client_for(service, where) as client:
        for name in WHATEVER if at == "alerts" else BOMBS:
            encoding, make = BOMBS[name]
            headers = {"Content-Type": media_type, "Content-Encoding": encoding}
            answer = client.post(path, content=make(), headers=headers)
            if at in {"alerts", "slack"}:  # these unpack nothing: any body is what it is
                assert answer.status_code < 500
            else:
                assert answer.status_code in REFUSED, (name, answer.status_code, answer.text)
    # Looking through the whole costs some copies.
    assert memory.growth_kib() < (2 if at == "alerts" else 1) * KIB_OF_GROWTH


@pytest.mark.parametrize("at", ["OTLP protobuf", "events", "slack"])
def test_an_endless_body_is_cut_off(service, at):
    where, path, media_type = PATHS[at]
    memory = Memory(service)
    refused = 0
    with client_for(service, where) as client:
        try:
            answer = client.post(
                path, content=endless(b" " * 65_536), headers={"Content-Type": media_type}
            )
            refused = answer.status_code
        except httpx2.TransportError:
            refused = 413  # it closed while we were still sending
    assert refused in {400, 401, 413}
    assert memory.growth_kib() < 2 * KIB_OF_GROWTH


@pytest.mark.parametrize("told", ["99999999999", "1", "-1", "12abc"])
@pytest.mark.parametrize("where", ["main", "otlp"])
def test_a_length_that_lies_is_not_believed(service, where, told):
    memory = Memory(service)
    main, otlp = ("/api/events", service.ports.http), ("/v1/traces", service.ports.otlp_http)
    path, port = main if where == "main" else otlp
    head = (
        f"POST {path} HTTP/1.1\r\nHost: shop\r\nContent-Type: {JSON}\r\nConnection: close\r\n"
        f"Authorization: Bearer {service.token}\r\nContent-Length: {told}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(head.encode() + b"{" * 1_000)
        status = connection.recv(64).split(b" ")[1]
    assert int(status) in {400, 413}
    assert memory.growth_kib() < KIB_OF_GROWTH


def test_no_bomb_in_a_grpc_message_costs_more_than_the_largest_message(service):
    # gRPC unpacks by itself and stops at its bound for messages, which is that of a whole export.
    memory = Memory(service)
    senders = Senders(service)
    try:
        answer = senders.call(TRACES, bytes(160 * 1024**2), compression=grpc.Compression.Gzip)
        assert answer.status == "RESOURCE_EXHAUSTED", answer
        assert senders.send("grpc traces", "after-end").taken
    finally:
        senders.close()
    assert memory.growth_kib() < 1.5 * KIB_OF_GROWTH
