"""A private service under load: acknowledgements, lag, memory, and whether all was counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.bench.measure import child_of, machine, percentile, resident_mib
from app.bench.waiting import BenchFailed, Patience, is_ready
from app.demo.processes import Ports, Process, free_ports
from kernel.api_client import ApiClient
from kernel.clock import SECOND_US, Clock
from slo.ledger import LedgerReader

_READY_WITHIN_S = 60.0
_COUNTED_WITHIN_S = 120.0
_SAMPLE_S = 0.2
# Goals of the design's budgets; a row without one is for information.
_GOALS = {
    "memory idle, door and engine": 250,
    "memory under load, door and engine": 800,
    "acknowledgement of events p99": 100,
    "lag of the ledger p99": 2,
}


@dataclass(frozen=True)
class Load:
    """What is sent. `idle_s`: how long the service stands still before its memory is read."""

    seconds: float = 60.0
    rate_per_s: float = 1000.0
    batch: int = 100
    spans: bool = True
    idle_s: float = 15.0


@dataclass
class Samples:
    """Taken five times a second while the load runs."""

    door_mib: list[float] = field(default_factory=list)
    engine_mib: list[float] = field(default_factory=list)
    lag_s: list[float] = field(default_factory=list)


class LoadRun:
    """One run in a folder of its own. `say(text)` is told of each step."""

    def __init__(
        self, data_dir: Path, load: Load, clock: Clock, say: Callable[[str], None]
    ) -> None:
        self._dir = data_dir
        self._load = load
        self._clock = clock
        self._say = say
        self._pause = threading.Event()
        self._patience = Patience(clock, self._pause)
        self._ports: Ports = free_ports(0)
        self._door_pid = 0
        self._engine_pid = 0

    def run(self) -> dict[str, Any]:
        """Start, measure idle, load, wait until all is counted; the result as a document."""
        where = machine()
        with self._service() as (service, client):
            self._say(f"idle for {self._load.idle_s:.0f} s")
            self._pause.wait(self._load.idle_s)
            idle = self._memory()
            self._say(f"{self._load.rate_per_s:.0f} events/s for {self._load.seconds:.0f} s")
            sent, samples = self._under_load(service)
            self._say("waiting until everything is counted")
            counted, took_s = self._counted(service, client, sent["expected"])
            end = self._memory()
        rows = [
            *_memory_rows(idle, samples, end),
            *_sending_rows(sent),
            _row("lag of the ledger p50", percentile(samples.lag_s, 50), "s"),
            _row("lag of the ledger p99", percentile(samples.lag_s, 99), "s"),
            _row("all counted after the last acknowledgement", took_s, "s"),
        ]
        agrees = counted == sent["expected"] and not sent["lost"]
        return {
            "rows": rows,
            "machine": where,
            "load": {"seconds": self._load.seconds, "batch": self._load.batch},
            "sent": {"events": sent["events"], "spans": sent["spans"], "again": sent["again"]},
            "counts": {"sent": sent["expected"], "counted": counted, "agrees": agrees},
        }

    @contextmanager
    def _service(self) -> Iterator[tuple[Process, ApiClient]]:
        self._dir.mkdir(parents=True, exist_ok=True)
        ports = self._ports
        words = ["--port", str(ports.http), "--otlp-http-port", str(ports.otlp_http)]
        words += ["--otlp-grpc-port", str(ports.otlp_grpc), "--data-dir", str(self._dir)]
        service = Process("the service", ["-m", "app", "serve", *words], self._dir / "log", {})
        probe = ApiClient(f"http://127.0.0.1:{ports.http}", "")
        try:
            self._patience.until(service, "the service is ready", lambda: is_ready(probe))
            self._door_pid = service.pid
            self._engine_pid = child_of(service.pid, "app.engine") or 0
            token = (self._dir / "admin.token").read_text().strip()
            client = ApiClient(f"http://127.0.0.1:{ports.http}", token)
            yield service, client
            client.close()
        finally:
            probe.close()
            service.stop()

    def _memory(self) -> tuple[float, float]:
        return resident_mib(self._door_pid), resident_mib(self._engine_pid)

    def _under_load(self, service: Process) -> tuple[dict[str, Any], Samples]:
        load, ports = self._load, self._ports
        words = ["--url", f"http://127.0.0.1:{ports.http}"]
        words += ["--otlp-url", f"http://127.0.0.1:{ports.otlp_http}"]
        words += ["--token-file", str(self._dir / "admin.token")]
        words += ["--seconds", str(load.seconds), "--rate-per-s", str(load.rate_per_s)]
        words += ["--batch", str(load.batch), "--spans" if load.spans else "--no-spans"]
        sender = Process(
            "the sender", ["-m", "app.bench.sender", *words], self._dir / "sender.log", {}
        )
        samples = Samples()
        ledger = LedgerReader(self._dir / "ledger.db")
        ends_s = self._clock.monotonic_s() + 3 * load.seconds + _READY_WITHIN_S
        try:
            while (sent := sender.line(_SAMPLE_S)) is None:
                service.check()
                self._sample(samples, ledger)
                if self._clock.monotonic_s() > ends_s:
                    raise BenchFailed("the sender did not finish within three times its time")
                if not samples.lag_s:
                    sender.check()
        finally:
            ledger.close()
            sender.stop()
        return sent, samples

    def _sample(self, samples: Samples, ledger: LedgerReader) -> None:
        door, engine = self._memory()
        samples.door_mib.append(door)
        samples.engine_mib.append(engine)
        samples.lag_s.append((self._clock.now_us() - ledger.watermark_us()) / SECOND_US)

    def _counted(
        self, service: Process, client: ApiClient, expected: dict[str, dict[str, int]]
    ) -> tuple[dict[str, dict[str, int]], float]:
        """The objectives' counts, once they agree or time is up, and how long that took."""
        begun_s = self._clock.monotonic_s()
        while True:
            service.check()
            counted = {
                name: {key: client.get(f"/api/slos/{name}")["counts"][key] for key in counts}
                for name, counts in expected.items()
            }
            took_s = self._clock.monotonic_s() - begun_s
            if counted == expected or took_s > _COUNTED_WITHIN_S:
                return counted, took_s
            self._pause.wait(0.1)


def _memory_rows(
    idle: tuple[float, float], samples: Samples, end: tuple[float, float]
) -> list[dict[str, Any]]:
    """Flat means: the last fifth of the run is not above its middle."""
    both = [a + b for a, b in zip(samples.door_mib, samples.engine_mib, strict=True)]
    middle = both[len(both) * 2 // 5 : len(both) * 3 // 5] or both
    last = both[len(both) * 4 // 5 :] or both
    return [
        _row("memory idle, door", idle[0], "MiB"),
        _row("memory idle, engine", idle[1], "MiB"),
        _row("memory idle, door and engine", sum(idle), "MiB"),
        _row("memory under load, door", max(samples.door_mib), "MiB"),
        _row("memory under load, engine", max(samples.engine_mib), "MiB"),
        _row("memory under load, door and engine", max(both), "MiB"),
        _row("memory in the middle of the load", percentile(middle, 50), "MiB"),
        _row("memory in the last fifth of the load", percentile(last, 50), "MiB"),
        _row("memory after the load, door and engine", sum(end), "MiB"),
    ]


def _sending_rows(sent: dict[str, Any]) -> list[dict[str, Any]]:
    rows = [_row("events acknowledged", sent["events_per_s"], "events/s")]
    rows += [_row("spans acknowledged", sent["spans_per_s"], "spans/s")] if sent["spans"] else []
    for name, key in (("events", "event_ack_ms"), ("spans", "span_ack_ms")):
        rows += [
            _row(f"acknowledgement of {name} {'max' if share == 'p100' else share}", value, "ms")
            for share, value in sent[key].items()
        ]
    return rows


def _row(case: str, ours: float, unit: str) -> dict[str, Any]:
    """No other product takes part here, so peer and ratio are empty; `goal` is the design's."""
    row: dict[str, Any] = {"case": case, "ours": round(ours, 2), "peer": None, "ratio": None}
    row["unit"] = unit
    if case in _GOALS:
        row |= {"goal": _GOALS[case], "met": ours < _GOALS[case]}
    return row
