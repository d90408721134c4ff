"""A running OTLP receiver under test: ours, or another one that is asked the same."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import grpc
import httpx2
import typer

from app.cli import build_root
from collector.otlp.grpc_server import OtlpGrpcServer
from collector.otlp.http import OtlpHttpApp
from collector.otlp.intake import OtlpIntake
from collector.otlp.signals import Signal
from kernel.journal import Append, Appended, JournalWriter
from kernel.telemetry_store.port import LogRow, MetricRow, SpanRow
from tests.collector.conformance.requests import JSON, PROTOBUF, body
from tests.collector.otlp_server import running
from tests.collector.world import World

MIB = 1024**2
ORIGIN = "https://shop.example"
_EVER = {"from_us": 0, "to_us": 1 << 60, "limit": 10_000}
_WITHIN_S = 60
# A connection for each request, and yet only one set of certificates to load.
_CLIENT = httpx2.Client(
    timeout=_WITHIN_S,
    limits=httpx2.Limits(max_keepalive_connections=0, max_connections=None),
)


@dataclass(frozen=True)
class Target:
    """`http` is a base address, `grpc` host:port; `headers` go with every request to either.

    What only ours can be asked is None elsewhere: `world` (the rows it stored), `overloaded` (one
    of its kind that can store nothing for the moment) and `held` (one whose disk answers when the
    second of the pair is called).
    """

    http: str
    grpc: str
    default_ports: tuple[int, int]
    headers: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = 64 * MIB
    world: World | None = None
    overloaded: Callable[[], AbstractContextManager[Target]] | None = None
    held: Callable[[], AbstractContextManager[tuple[Target, Callable[[], None]]]] | None = None

    @property
    def offers(self) -> frozenset[str]:
        """What a sentence may need beyond sending."""
        found = {"read_back": self.world, "overload": self.overloaded, "warnings": self.world}
        return frozenset(name for name, one in found.items() if one is not None)

    def post(self, path: str, content: Any, kind: str = JSON, **headers: str) -> httpx2.Response:
        """The answer to a POST. Underscores in the names of headers stand for dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, content, **{"content-type": kind, **self.headers, **named})

    def ask(self, method: str, path: str, content: Any = None, **headers: str) -> httpx2.Response:
        """The answer to any request, with these headers alone."""
        return _CLIENT.request(method, self.http + path, content=content, headers=headers)

    def send(self, signal: Signal, message: Any, kind: str = PROTOBUF) -> httpx2.Response:
        """The answer to an export over HTTP."""
        return self.post(signal.path, body(message, kind), kind)

    def export(self, service: str, content: bytes, **options: Any) -> bytes:
        """The answer of an `Export` over gRPC. Raises grpc.RpcError."""
        with self.channel() as channel:
            return self.call(channel, service)(content, **options)

    def channel(self) -> grpc.Channel:
        """A connection that sends what it is given, however large."""
        return grpc.insecure_channel(self.grpc, [("grpc.max_send_message_length", -1)])

    def call(self, channel: grpc.Channel, service: str) -> Callable[..., bytes]:
        """`Export` of a service over an open connection."""
        export = channel.unary_unary(f"/{service}/Export")

        def called(content: bytes, **options: Any) -> bytes:
            given = {"metadata": list(self.headers.items()), "timeout": _WITHIN_S}
            return bytes(export(content, **(given | options)))

        return called

    def spans(self, trace_id: bytes) -> list[SpanRow]:
        """The stored spans of a trace, by start."""
        return self._projected().store.trace(trace_id.hex())

    def logs(self, service: str) -> list[LogRow]:
        """The stored log records of a service, newest first."""
        return self._projected().store.logs(**_EVER, service=service)

    def metrics(self, name: str) -> list[MetricRow]:
        """The stored points of a metric, newest first."""
        return self._projected().store.metrics(**_EVER, name=name)

    def _projected(self) -> World:
        assert self.world is not None, "the sentence needs read_back and does not say so"
        self.world.project()
        return self.world


class HeldWriter:
    """A journal writer whose disk does not answer before it is let go."""

    def __init__(self, writer: JournalWriter) -> None:
        self._writer = writer
        self._lock = Lock()
        self._is_held = True
        self._waiting: list[tuple[Append, Future[Appended]]] = []

    def append(self, append: Append) -> Future[Appended]:
        with self._lock:
            if not self._is_held:
                return self._writer.append(append)
            future: Future[Appended] = Future()
            self._waiting.append((append, future))
            return future

    def let_go(self) -> None:
        with self._lock:
            self._is_held = False
        for append, future in self._waiting:
            future.set_result(self._writer.append(append).result(timeout=_WITHIN_S))


@contextmanager
def ours(
    folder: Path, wrapped: Callable[[JournalWriter], Any] = lambda one: one
) -> Iterator[Target]:
    """The collector's own HTTP and gRPC servers over real stores in `folder`.

    `wrapped`: what stands between the servers and the journal writer.
    """
    world = World(folder)

    @contextmanager
    def overloaded() -> Iterator[Target]:
        with _world(folder / "overloaded") as another:
            another.writer.close()
            with _serving(another, another.writer, read_within_s=0.5) as target:
                yield target

    @contextmanager
    def held() -> Iterator[tuple[Target, Callable[[], None]]]:
        with _world(folder / "held") as another:
            writer = HeldWriter(another.writer)
            with _serving(another, writer) as target:
                yield target, writer.let_go

    try:
        with _serving(world, wrapped(world.writer), overloaded=overloaded, held=held) as target:
            yield target
    finally:
        world.close()


@contextmanager
def _world(folder: Path) -> Iterator[World]:
    folder.mkdir(exist_ok=True)
    world = World(folder)
    try:
        yield world
    finally:
        world.close()


@contextmanager
def _serving(
    world: World, writer: Any, *, read_within_s: float = 20.0, **abilities: Any
) -> Iterator[Target]:
    intake = OtlpIntake(world.redactor, max_bytes=MIB)
    app = OtlpHttpApp(
        intake, writer, world.tokens, cors_origins=[ORIGIN], read_within_s=read_within_s
    )
    server = OtlpGrpcServer(intake, writer, world.tokens)
    port = server.start("127.0.0.1", 0)
    try:
        with running(app) as address:
            yield Target(
                http=address,
                grpc=f"127.0.0.1:{port}",
                default_ports=_our_ports(),
                headers={"authorization": "Bearer shop-token"},
                max_bytes=MIB,
                world=world,
                **abilities,
            )
    finally:
        server.stop()


@contextmanager
def rotel(folder: Path) -> Iterator[Target]:
    """rotel, a receiver that acknowledges from memory, handing all it takes to a black hole."""
    import rotel as package

    agent = Path(package.__file__).parent / "rotel-agent"
    http, grpc_port = _free_port(), _free_port()
    words = [agent, "start", "--exporter", "blackhole", "--otlp-grpc-max-recv-msg-size-mib", "64"]
    words += ["--otlp-http-endpoint", f"127.0.0.1:{http}"]
    words += ["--otlp-grpc-endpoint", f"127.0.0.1:{grpc_port}"]
    words += ["--pid-file", folder / "pid", "--log-file", folder / "log"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _wait_for(process, http)
        _wait_for(process, grpc_port)
        yield Target(f"http://127.0.0.1:{http}", f"127.0.0.1:{grpc_port}", _rotel_ports(agent))
    finally:
        process.terminate()
        process.wait(timeout=20)


TARGETS = {"ours": ours, "rotel": rotel}


def _our_ports() -> tuple[int, int]:
    command: Any = typer.main.get_command(build_root("serve"))
    given = {one.name: one.default for one in command.commands["serve"].params}
    return given["otlp_http_port"], given["otlp_grpc_port"]


def _rotel_ports(agent: Path) -> tuple[int, int]:
    done = subprocess.run([agent, "start", "--help"], capture_output=True, text=True, check=True)
    found = [
        re.search(rf"--otlp-{name}-endpoint.*?default: localhost:(\d+)", done.stdout, re.DOTALL)
        for name in ("http", "grpc")
    ]
    http, grpc_port = (int(one[1]) if one else 0 for one in found)
    return http, grpc_port


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    ends_at = time.monotonic() + _WITHIN_S
    while True:
        assert process.poll() is None, "it ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < ends_at, f"nothing listens on {port}"
            time.sleep(0.02)
        else:
            return
