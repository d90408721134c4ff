"""The door: HTTP, pages, OTLP and the journal's writer. It accepts whatever else is away.

The process that `tillwatch serve` starts. It spawns the engine and keeps it running.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from app import health
from app.body_limit import BodyLimit
from app.core import Core
from app.door_parts import door_parts
from app.errors import OtlpErrorMapping, install_error_mapping
from app.job_runner import JobRunner
from app.pages import page_readers
from app.security_headers import SecurityHeaders
from app.stores import instance_lock, open_control
from app.supervisor import EngineSupervisor, engine_command
from collector.changes.intake import ChangeIntake
from collector.deadletters import DeadLetterService
from collector.endpoints import CollectorServices
from collector.endpoints import build_router as collector_router
from collector.events.intake import EventIntake
from collector.otlp.grpc_server import OtlpGrpcServer
from collector.otlp.http import OtlpHttpApp, refuse
from collector.otlp.intake import OtlpIntake
from collector.otlp.settings import OtlpSettings
from collector.queries import TelemetryQueries
from collector.receipts import ReceiptService
from collector.redaction.keyfile import load_or_create
from collector.redaction.redactor import Redactor
from dashboards import live, pages
from dashboards.assets import Assets
from dashboards.rendering import Templates
from kernel.clock import Clock, SystemClock
from kernel.errors import Unreachable
from kernel.journal import JournalWriter
from kernel.observability import Metrics, configure_logging, configure_tracing, get_logger
from kernel.settings import KernelSettings
from kernel.version import VERSION

EVALUATION = "slo.evaluate"
_GRACE_S = 3
_BACKLOG = 2_048
_log = get_logger(__name__)


@dataclass(frozen=True)
class Addresses:
    """Where the door listens; port 0 takes a free one."""

    host: str
    port: int
    otlp_http_port: int
    otlp_grpc_port: int


class Door:
    """Everything the door's process holds."""

    def __init__(self, core: Core, metrics: Metrics) -> None:
        self.core = core
        self.metrics = metrics
        self.journal = JournalWriter(
            core.kernel.journal_path, core.clock, max_bytes=core.kernel.journal_max_bytes
        )
        self.redactor = Redactor(load_or_create(core.kernel.data_dir))
        self.assets = Assets()
        self.stopping = False

    def http_app(self) -> FastAPI:
        """Pages and API on the main port."""
        app = FastAPI(title="Tillwatch", version=VERSION, docs_url=None, redoc_url=None)
        install_error_mapping(app, self.core.clock, self.assets.url("css/tillwatch.css"))
        for router in self._routers():
            app.include_router(router)
        app.add_middleware(BodyLimit)
        app.add_middleware(SecurityHeaders)
        return app

    def otlp_app(self) -> OtlpErrorMapping:
        """OTLP over HTTP, on a port of its own."""
        app = OtlpHttpApp(
            OtlpIntake(self.redactor),
            self.journal,
            self.core.access,
            cors_origins=OtlpSettings().cors_origins,
        )
        return OtlpErrorMapping(app, refuse, self.core.clock)

    def grpc_server(self) -> OtlpGrpcServer:
        """OTLP over gRPC."""
        return OtlpGrpcServer(OtlpIntake(self.redactor), self.journal, self.core.access)

    def collector(self) -> CollectorServices:
        """What the collector's routes need."""
        core, path = self.core, self.core.kernel.journal_path
        return CollectorServices(
            writer=self.journal,
            events=EventIntake(self.redactor, core.clock),
            changes=ChangeIntake(self.redactor, core.clock),
            queries=TelemetryQueries(core.telemetry, core.clock),
            receipts=ReceiptService(path, core.telemetry),
            deadletters=DeadLetterService(path, core.telemetry),
        )

    def _routers(self) -> Sequence[Any]:
        from access.endpoints import build_router as access_router
        from app.audit_api import build_router as audit_router
        from runbooks.endpoints import build_router as runbooks_router
        from slo.endpoints import build_router as slo_router
        from triage.endpoints import build_router as triage_router
        from triage.slack.endpoints import build_router as slack_router

        core = self.core
        collector = self.collector()
        feed = live.LiveFeed(
            core.kernel.data_dir / "control.db", core.kernel.ledger_path, lambda: self.stopping
        )
        readers = page_readers(core, collector.deadletters, feed)
        return [
            health.build_router(
                self.journal,
                self.metrics,
                core.clock,
                core.kernel.data_dir,
                evaluation_part=EVALUATION,
            ),
            access_router(
                core.access,
                public_url=core.kernel.public_url,
                session_hours=core.access_settings.session_hours,
            ),
            collector_router(collector, core.access),
            slo_router(core.slo, core.access, core.clock),
            triage_router(core.incidents, self.journal, core.access, self.redactor),
            runbooks_router(core.approvals, core.access),
            audit_router(core.audit_log, core.access.guard),
            slack_router(self.journal, core.slack_settings, core.clock),
            self.assets.router(),
            live.build_router(feed, core.access.guard),
            pages.build_router(readers, Templates(self.assets, core.clock), core.access.guard),
        ]


def serve(
    kernel: KernelSettings, *, host: str, port: int, otlp_http_port: int, otlp_grpc_port: int
) -> None:
    """Run until SIGTERM or SIGINT. Raises Conflict where a service already uses the data folder."""
    configure_logging()
    clock = SystemClock()
    with instance_lock(kernel.data_dir):
        _upgrade(kernel)
        core = Core(kernel, open_control(kernel), clock)
        core.access.ensure_admin(kernel.data_dir)
        flush = configure_tracing("door", VERSION)
        door = Door(core, Metrics())
        where = Addresses(host, port, otlp_http_port, otlp_grpc_port)
        try:
            uvloop.run(_run(door, where, clock))
        finally:
            door.journal.close()
            core.close()
            flush()


def _upgrade(kernel: KernelSettings) -> None:
    """Bring the schema up to date, in a process of its own: Alembic is not kept loaded."""
    words = ["-m", "app", "db", "upgrade", "--data-dir", str(kernel.data_dir)]
    done = subprocess.run([sys.executable, *words], stdin=subprocess.DEVNULL, stdout=2, check=False)
    if done.returncode:
        raise SystemExit(done.returncode)


async def _run(door: Door, where: Addresses, clock: Clock) -> None:
    runner = JobRunner(door.metrics, clock)
    supervisor = EngineSupervisor(
        engine_command("--data-dir", str(door.core.kernel.data_dir)), clock, door.metrics
    )
    grpc = door.grpc_server()
    pairs = [
        _server(door.http_app(), _listen(where.host, where.port)),
        _server(door.otlp_app(), _listen(where.host, where.otlp_http_port)),
    ]
    _stop_on_signals([server for server, _ in pairs], door)
    grpc_port = grpc.start(where.host, where.otlp_grpc_port)
    runner.start(door_parts(door.core, door.journal))
    supervisor.start()
    ports = [listening.getsockname()[1] for _, listening in pairs]
    _log.info("door.listening", host=where.host, port=ports[0], otlp=ports[1], grpc=grpc_port)
    try:
        await asyncio.gather(*(server.serve(sockets=[one]) for server, one in pairs))
    finally:
        await asyncio.to_thread(grpc.stop)
        await asyncio.to_thread(supervisor.stop)
        await asyncio.to_thread(runner.stop)


class _Server(uvicorn.Server):
    """Signals are handled once for both servers, by `_stop_on_signals`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _server(app: Any, listening: socket.socket) -> tuple[_Server, socket.socket]:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=2_000,
        backlog=_BACKLOG,
    )
    return _Server(config), listening


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises Unreachable, saying which address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise Unreachable(
            f"cannot listen on {host}:{port}: {error.strerror}",
            hint="stop what uses the port, or choose another one with --port or --otlp-http-port",
        ) from None


def _stop_on_signals(servers: Sequence[_Server], door: Door) -> None:
    def stop() -> None:
        door.stopping = True
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop)
