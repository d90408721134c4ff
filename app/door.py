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
from functools import partial
from typing import Any, cast

import uvicorn
import uvloop
from fastapi import FastAPI

from app import health
from app.arriving import Arrivals, ArrivingProtocol, raise_open_files
from app.body_limit import BodyLimit
from app.core import Core
from app.door_parts import door_parts
from app.errors import OtlpErrorMapping, install_error_mapping
from app.garbage import collect_seldom
from app.job_runner import JobRunner
from app.pages import page_readers
from app.security_headers import SecurityHeaders
from app.stores import instance_lock, open_control
from app.supervisor import EngineSupervisor, engine_command
from app.watching import Plan
from collector.body_budget import BodyBudget
from collector.changes.flagd_intake import FlagdIntake
from collector.changes.intake import ChangeIntake
from collector.counts.service import CountService
from collector.deadletters import DeadLetterService
from collector.deadletters.judging import Judges
from collector.deadletters.replay import Replayer, ReplayRecords
from collector.endpoints import CollectorServices
from collector.endpoints import build_router as collector_router
from collector.events.endpoints import EventServices
from collector.events.endpoints import add_routes as add_event_routes
from collector.events.intake import EventIntake
from collector.limits import LimitsService
from collector.otlp.grpc_server import OtlpGrpcServer
from collector.otlp.http import OtlpHttpApp, refuse
from collector.otlp.intake import OtlpIntake
from collector.otlp.settings import OtlpSettings
from collector.queries import TelemetryQueries
from collector.receipts import ReceiptService
from collector.redaction.keyfile import load_or_create
from collector.redaction.redactor import Redactor
from collector.settings import CollectorSettings
from collector.sources.intake import WebhookIntake
from collector.sources.keyring import Keyring
from collector.sources.registry import KINDS
from collector.sources.settings import WebhookSettings
from collector.sources.tally import Tally
from dashboards import live, pages
from dashboards.assets import Assets
from dashboards.rendering import Templates
from kernel.clock import Clock, SystemClock
from kernel.errors import Unreachable
from kernel.journal import JournalWriter
from kernel.observability import Metrics, configure_logging, configure_tracing, get_logger
from kernel.settings import KernelSettings
from kernel.version import VERSION
from triage.slack.desk import CommandDesk, Reading
from triage.slack.endpoints import SlackDoor
from triage.slack.forms import Forms

EVALUATION = "slo.evaluate"
_GRACE_S = 3
_BACKLOG = 2_048
# More than the requests that may be on their way: those never take all places.
_MAX_CONNECTIONS = 4_000
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
        # First of all: a setting that cannot be read ends the start before anything is opened.
        secrets = WebhookSettings().webhook_secrets.get_secret_value()
        keyring = Keyring.parse(secrets, KINDS)
        Plan.read()
        self.journal = JournalWriter(
            core.kernel.journal_path,
            core.clock,
            max_bytes=core.kernel.journal_max_bytes,
            reserve_bytes=core.kernel.journal_reserve_bytes,
        )
        self.budget = BodyBudget(self.journal)
        self.redactor = Redactor(load_or_create(core.kernel.data_dir))
        self.webhooks = self._webhooks(keyring)
        self.assets = Assets()
        self.stopping = False

    def http_app(self) -> FastAPI:
        """Pages and API on the main port."""
        app = FastAPI(title="Tillwatch", version=VERSION, docs_url=None, redoc_url=None)
        install_error_mapping(app, self.core.clock, self.assets.url("css/tillwatch.css"))
        add_event_routes(app.router, self.events(), self.core.access.guard)
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
            self.budget,
            cors_origins=OtlpSettings().cors_origins,
        )
        return OtlpErrorMapping(app, refuse, self.core.clock)

    def grpc_server(self) -> OtlpGrpcServer:
        """OTLP over gRPC."""
        return OtlpGrpcServer(
            OtlpIntake(self.redactor), self.journal, self.core.access, self.budget
        )

    def events(self) -> EventServices:
        """What `POST /api/events` needs."""
        settings = CollectorSettings()
        return EventServices(
            EventIntake(self.redactor, self.core.clock, settings.data_rules),
            self.journal,
            self.budget,
            settings.handshake,
        )

    def collector(self) -> CollectorServices:
        """What the collector's other routes need."""
        core, path = self.core, self.core.kernel.journal_path
        letters = DeadLetterService(path, core.telemetry)
        return CollectorServices(
            writer=self.journal,
            budget=self.budget,
            changes=ChangeIntake(self.redactor, core.clock),
            flagd=FlagdIntake(self.redactor),
            memory=core.changes,
            webhooks=self.webhooks,
            queries=TelemetryQueries(core.telemetry, core.clock),
            receipts=ReceiptService(path, core.telemetry),
            deadletters=letters,
            replayer=self._replayer(letters),
            limits=LimitsService(core.telemetry, core.clock),
        )

    def _replayer(self, letters: DeadLetterService) -> Replayer:
        core, redactor = self.core, self.redactor
        changes = ChangeIntake(redactor, core.clock)
        return Replayer(
            core.kernel.journal_path,
            self.journal,
            letters,
            Judges(redactor, changes, OtlpIntake(redactor)),
            ReplayRecords(core.audit_log, core.database),
            core.clock,
        )

    def _slack(self) -> SlackDoor:
        core = self.core
        pins = core.slack_refusals.pins
        reading = Reading(core.access, core.incidents, core.approvals, core.slo)
        return SlackDoor(
            journal=self.journal,
            settings=core.slack_settings,
            clock=core.clock,
            redactor=self.redactor,
            forms=Forms(core.access, core.approvals, core.incidents, core.slack_client, pins),
            desk=CommandDesk(reading, core.slack_refusals, core.kernel.public_url),
        )

    def _webhooks(self, keyring: Keyring) -> WebhookIntake:
        tally = Tally()
        self.metrics.registry.register(tally)
        return WebhookIntake(keyring, self.redactor, self.core.clock, tally)

    def _routers(self) -> Sequence[Any]:
        from access.endpoints import build_router as access_router
        from app.audit_api import build_router as audit_router
        from collector.counts.endpoints import build_router as counts_router
        from runbooks.endpoints import build_router as runbooks_router
        from slo.corrections.endpoints import build_router as corrections_router
        from slo.endpoints import build_router as slo_router
        from slo.policy.decisions import PolicyDecisions
        from slo.policy.endpoints import build_router as policy_router
        from triage.endpoints import build_router as triage_router
        from triage.slack.endpoints import build_router as slack_router

        core = self.core
        collector = self.collector()
        feed = live.LiveFeed(
            core.kernel.data_dir / "control.db", core.kernel.ledger_path, lambda: self.stopping
        )
        readers = page_readers(core, collector, feed, self.journal.gate.refusing)
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
            counts_router(
                CountService(core.database, core.audit_log, core.kernel.journal_path, core.clock),
                core.access,
            ),
            slo_router(core.slo, core.access, core.clock),
            corrections_router(core.corrections, core.access),
            policy_router(
                core.policy,
                PolicyDecisions(core.database, core.audit_log, core.clock, core.policy),
                core.access,
            ),
            triage_router(core.incidents, self.journal, core.access, self.redactor),
            runbooks_router(core.approvals, core.access),
            audit_router(core.audit_log, core.access.guard),
            slack_router(self._slack()),
            self.assets.router(),
            live.build_router(feed, core.access.guard),
            pages.build_router(readers, Templates(self.assets, core.clock), core.access.guard),
        ]


def serve(
    kernel: KernelSettings, *, host: str, port: int, otlp_http_port: int, otlp_grpc_port: int
) -> None:
    """Run until SIGTERM or SIGINT. Raises Conflict where a service already uses the data folder."""
    configure_logging()
    raise_open_files()
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
        # Nobody asks for an exporter's address.
        _server(door.otlp_app(), _listen(where.host, where.otlp_http_port), proxy_headers=False),
    ]
    _stop_on_signals([server for server, _ in pairs], door)
    grpc_port = grpc.start(where.host, where.otlp_grpc_port)
    collect_seldom()
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


def _server(
    app: Any, listening: socket.socket, *, proxy_headers: bool = True
) -> tuple[_Server, socket.socket]:
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", partial(ArrivingProtocol, Arrivals())),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=proxy_headers,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=_MAX_CONNECTIONS,
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
