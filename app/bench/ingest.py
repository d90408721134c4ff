"""How fast the door acknowledges, beside a receiver that only holds what it takes in memory.

Both servers run on the same cores, the generator on another one where there are two. Rounds are
interleaved, the median counts. A round of ours counts only if, within a minute after it, what is
stored is what was acknowledged, nothing waits any more (or was shed, and says so), and a query
finds it.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.bench import bodies
from app.bench.measure import child_of, machine, resident_mib
from app.bench.waiting import BenchFailed, Patience, is_ready
from app.demo.processes import Ports, Process, free_ports
from kernel.api_client import ApiClient
from kernel.clock import DAY_US, Clock
from kernel.journal import ItemClass, JournalReader
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

_WITHIN_S = 60.0
_PEER = "rotel"


@dataclass(frozen=True)
class Case:
    """What is sent. `goal`: a ratio to the peer, or a rate in items a second without one."""

    name: str
    form: str
    path: str
    items: int
    share: float = 1.0
    goal: float = 1.0
    has_peer: bool = True


CASES = (
    Case("OTLP protobuf", "protobuf", "/v1/traces", bodies.SPANS),
    Case("OTLP gzip", "gzip", "/v1/traces", bodies.SPANS),
    Case("OTLP JSON", "json", "/v1/traces", bodies.SPANS, goal=1.5),
    Case("events, 100 a request", "events", "/api/events", 100, goal=100_000, has_peer=False),
    Case("events, 1 a request", "event", "/api/events", 1, 5.0, goal=5_000, has_peer=False),
)


@dataclass
class _Figures:
    """Of all rounds of one case on one server."""

    rates: list[float] = field(default_factory=list)
    ack_p99_ms: list[float] = field(default_factory=list)


class IngestRun:
    """All cases, `rounds` times, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        bodies_a_round: int,
        rounds: int,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._bodies = bodies_a_round
        self._rounds = rounds
        self._clock = clock
        self._say = say
        self._pause = threading.Event()
        self._patience = Patience(clock, self._pause)
        self._ports: Ports = free_ports(0)

    def run(self, cases: tuple[Case, ...] = CASES) -> dict[str, Any]:
        """Start both servers, push, compare; the result as a document."""
        where = machine()
        peer_agent = _peer_agent()
        figures = {(case.name, side): _Figures() for case in cases for side in ("ours", "peer")}
        memory: list[float] = []
        with self._service() as service:
            for _ in range(self._rounds):
                for case in cases:
                    self._round_of_ours(service, case, figures[case.name, "ours"])
                    memory.append(self._memory(service))
                    if peer_agent and case.has_peer:
                        with self._peer(peer_agent) as port:
                            answer = self._push(case, port, "")
                        self._note(figures[case.name, "peer"], case, answer)
        rows = [
            _row(case, figures[case.name, "ours"], figures[case.name, "peer"]) for case in cases
        ]
        rows.append({"case": "memory, door and engine", "ours": round(max(memory), 1)})
        rows[-1] |= {"peer": None, "ratio": None, "unit": "MiB"}
        return {"rows": rows, "machine": where, "rounds": self._rounds, "bodies": self._bodies}

    def _round_of_ours(self, service: Process, case: Case, figures: _Figures) -> None:
        before = self._stored(case)
        port = self._ports.otlp_http if case.path.startswith("/v1/") else self._ports.http
        answer = self._push(case, port, str(self._folder / "data" / "admin.token"))
        expected = before + answer["taken"] * case.items
        self._patience.until(
            service, f"{case.name}: stored = acknowledged", lambda: self._stored(case) == expected
        )
        self._patience.until(service, f"{case.name}: nothing waits", self._is_projected)
        self._note(figures, case, answer)
        self._say(f"{case.name}: ours {figures.rates[-1]:,.0f}/s, acknowledged = stored, no lag")

    def _push(self, case: Case, port: int, token_file: str) -> dict[str, Any]:
        words = ["--port", str(port), "--path", case.path, "--form", case.form]
        words += ["--count", str(max(1, round(self._bodies * case.share)))]
        words += ["--batch", str(case.items), "--run", _letters(self._clock.now_us())]
        words += ["--token-file", token_file] if token_file else []
        with _on_core(1):
            pusher = Process(
                "the sender", ["-m", "app.bench.pusher", *words], self._log("sender"), {}
            )
        try:
            answer = pusher.line(600)
            if answer is None:
                pusher.check()
                raise BenchFailed("the sender did not finish")
        finally:
            pusher.stop()
        answer["taken"] = sum(n for status, n in answer["statuses"].items() if status[0] == "2")
        if answer["taken"] != answer["requests"]:
            raise BenchFailed(f"{case.name}: not all were taken: {answer['statuses']}")
        return answer

    def _note(self, figures: _Figures, case: Case, answer: dict[str, Any]) -> None:
        figures.rates.append(answer["taken"] * case.items / answer["seconds"])
        figures.ack_p99_ms.append(answer["ack_ms"]["p99"])

    def _stored(self, case: Case) -> int:
        """Items that the journal has counted as stored, of this kind."""
        wanted = ItemClass.TRACE if case.path.startswith("/v1/") else ItemClass.MONEY
        reader = JournalReader(self._folder / "data" / "journal.db")
        try:
            now_us = self._clock.now_us()
            found = reader.tallies(now_us - DAY_US, now_us + DAY_US)
            return sum(one.counts.stored for one in found if one.item_class is wanted)
        finally:
            reader.close()

    def _is_projected(self) -> bool:
        """All of the journal is in the telemetry store, or was shed and counted."""
        data = self._folder / "data"
        reader = JournalReader(data / "journal.db")
        store = SqliteTelemetryStore(data / "telemetry", self._clock)
        try:
            return store.cursor() >= reader.head().position
        finally:
            store.close()
            reader.close()

    def _memory(self, service: Process) -> float:
        engine = child_of(service.pid, "app.engine")
        return resident_mib(service.pid) + (resident_mib(engine) if engine else 0.0)

    @contextmanager
    def _service(self) -> Iterator[Process]:
        ports = self._ports
        words = ["--port", str(ports.http), "--otlp-http-port", str(ports.otlp_http)]
        words += ["--otlp-grpc-port", str(ports.otlp_grpc)]
        words += ["--data-dir", str(self._folder / "data")]
        with _on_core(0):
            service = Process("the service", ["-m", "app", "serve", *words], self._log("serve"), {})
        probe = ApiClient(f"http://127.0.0.1:{ports.http}", "")
        try:
            self._patience.until(service, "the service is ready", lambda: is_ready(probe))
            yield service
        finally:
            probe.close()
            service.stop()

    @contextmanager
    def _peer(self, agent: Path) -> Iterator[int]:
        """A fresh peer on the same core; its port."""
        port = free_ports(0).otlp_http
        with tempfile.TemporaryDirectory() as folder, _on_core(0):
            words = [str(agent), "start", "--exporter", "blackhole"]
            words += ["--otlp-http-endpoint", f"127.0.0.1:{port}"]
            words += ["--otlp-grpc-endpoint", f"127.0.0.1:{free_ports(0).otlp_grpc}"]
            words += ["--pid-file", f"{folder}/pid", "--log-file", f"{folder}/log"]
            quiet = subprocess.DEVNULL
            peer = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet)
            try:
                _wait_for_port(port, peer, self._clock, self._pause)
                yield port
            finally:
                peer.terminate()
                peer.wait(20)

    def _log(self, name: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / f"{name}.log"


def _row(case: Case, ours: _Figures, peer: _Figures) -> dict[str, Any]:
    rate = statistics.median(ours.rates)
    other = statistics.median(peer.rates) if peer.rates else None
    ratio = round(rate / other, 2) if other else None
    reached = ratio if case.has_peer else rate
    return {
        "case": case.name,
        "ours": round(rate),
        "peer": None if other is None else round(other),
        "ratio": ratio,
        "unit": "items/s",
        "ack_p99_ms": round(statistics.median(ours.ack_p99_ms), 1),
        "goal": case.goal,
        "met": reached is not None and reached >= case.goal,
    }


def _peer_agent() -> Path | None:
    """The peer's program, where it is installed (a package of the checks, not of the product)."""
    from importlib.util import find_spec

    spec = find_spec(_PEER)
    folders = list(spec.submodule_search_locations or []) if spec else []
    found = [Path(one) / "rotel-agent" for one in folders]
    return next((one for one in found if one.exists()), None)


def _letters(number: int) -> str:
    """A name for a run that no card number could be seen in."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


@contextmanager
def _on_core(core: int) -> Iterator[None]:
    """What is started inside runs on this core alone, where the machine has it."""
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) <= core:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _wait_for_port(
    port: int, process: subprocess.Popen[bytes], clock: Clock, pause: threading.Event
) -> None:
    ends_s = clock.monotonic_s() + _WITHIN_S
    while clock.monotonic_s() < ends_s:
        if process.poll() is not None:
            raise BenchFailed(f"{_PEER} ended with {process.returncode}")
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        pause.wait(0.05)
    raise BenchFailed(f"{_PEER} does not listen")
