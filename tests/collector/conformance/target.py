"""A running OTLP receiver under test: ours, or another one that is asked the same."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from collector.otlp.grpc_server import OtlpGrpcServer
from collector.otlp.http import OtlpHttpApp
from collector.otlp.intake import OtlpIntake
from kernel.telemetry_store.port import LogRow, MetricRow, SpanRow
from tests.collector.otlp_server import running
from tests.collector.world import World

MIB = 1024**2
_EVER = {"from_us": 0, "to_us": 1 << 60, "limit": 10_000}
_STARTS_WITHIN_S = 30


@dataclass(frozen=True)
class Target:
    """`http` is a base address, `grpc` host:port; `headers` go with every request to either.

    `offers` names what may be asked of it beyond sending: `read_back` (the rows it stored),
    `overload` (one of its kind that can store nothing for the moment).
    """

    http: str
    grpc: str
    headers: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = 64 * MIB
    world: World | None = None
    overloaded: Callable[[], AbstractContextManager[Target]] | None = None

    @property
    def offers(self) -> frozenset[str]:
        """What a sentence may need."""
        found = {"read_back": self.world, "overload": self.overloaded}
        return frozenset(name for name, one in found.items() if one is not None)

    def spans(self, trace_id: str) -> list[SpanRow]:
        """The stored spans of a trace, by start."""
        return self._projected().store.trace(trace_id)

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


@contextmanager
def ours(folder: Path, *, can_store: bool = True) -> Iterator[Target]:
    """The collector's own HTTP and gRPC servers over real stores in `folder`."""
    world = World(folder)
    world.otlp = OtlpIntake(world.redactor, max_bytes=MIB)
    if not can_store:
        world.writer.close()
    grpc = OtlpGrpcServer(world.otlp, world.writer, world.tokens)
    port = grpc.start("127.0.0.1", 0)

    @contextmanager
    def overloaded() -> Iterator[Target]:
        another = folder / "overloaded"
        another.mkdir(exist_ok=True)
        with ours(another, can_store=False) as target:
            yield target

    try:
        with running(OtlpHttpApp(world.otlp, world.writer, world.tokens)) as address:
            yield Target(
                http=address,
                grpc=f"127.0.0.1:{port}",
                headers={"authorization": "Bearer shop-token"},
                max_bytes=MIB,
                world=world,
                overloaded=overloaded,
            )
    finally:
        grpc.stop()
        world.close()


@contextmanager
def rotel(folder: Path) -> Iterator[Target]:
    """rotel, a receiver that acknowledges from memory, handing all it takes to a black hole."""
    import rotel as package

    http, grpc = _free_port(), _free_port()
    agent = Path(package.__file__).parent / "rotel-agent"
    words = [agent, "start", "--exporter", "blackhole"]
    words += ["--otlp-http-endpoint", f"127.0.0.1:{http}"]
    words += [
        "--otlp-grpc-endpoint",
        f"127.0.0.1:{grpc}",
        "--otlp-grpc-max-recv-msg-size-mib",
        "64",
    ]
    words += ["--pid-file", folder / "pid", "--log-file", folder / "log"]
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _wait_for(process, http)
        _wait_for(process, grpc)
        yield Target(http=f"http://127.0.0.1:{http}", grpc=f"127.0.0.1:{grpc}")
    finally:
        process.terminate()
        process.wait(timeout=20)


TARGETS = {"ours": ours, "rotel": rotel}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    ends_at = time.monotonic() + _STARTS_WITHIN_S
    while True:
        assert process.poll() is None, "it ended at once"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < ends_at, f"nothing listens on {port}"
            time.sleep(0.02)
        else:
            return
