"""The collector on real stores in one folder."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient

from access.guards import Guard
from access.principal import Principal, Role
from app.errors import install_error_mapping
from audit.log import AuditLog
from audit.settings import AuditSettings
from collector.body_budget import BodyBudget
from collector.changes.flagd_intake import FlagdIntake
from collector.changes.intake import ChangeIntake
from collector.changes.memory import ChangeMemory
from collector.changes.tracker import ChangeTracker
from collector.deadletters import DeadLetterService
from collector.deadletters.judging import Judges
from collector.deadletters.replay import Replayer, ReplayRecords
from collector.endpoints import CollectorServices, build_router
from collector.events.endpoints import EventServices
from collector.events.endpoints import add_routes as add_event_routes
from collector.events.handshake import Handshake
from collector.events.intake import EventIntake
from collector.finder import Finder
from collector.limits import LimitsService
from collector.otlp.intake import OtlpIntake
from collector.projector import Projector
from collector.queries import TelemetryQueries
from collector.receipts import ReceiptService
from collector.redaction import Redactor
from collector.redaction.keyfile import load_or_create
from collector.sources.intake import WebhookIntake
from collector.sources.keyring import Keyring
from collector.sources.registry import KINDS
from collector.sources.tally import Tally
from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.errors import NotAuthenticated
from kernel.journal import JournalReader, JournalWriter
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore

TOKENS = {
    "shop-token": Principal("p1", "shop", "machine", frozenset({Role.INGEST}), "token"),
    "viewer-token": Principal("p2", "ada", "person", frozenset({Role.VIEWER}), "token"),
    "responder-token": Principal(
        "p4", "rita", "person", frozenset({Role.RESPONDER, Role.VIEWER}), "token"
    ),
    "admin-token": Principal("p3", "root", "person", frozenset({Role.ADMIN, Role.VIEWER}), "token"),
}


class TokenTable:
    """Bearer tokens in memory, behind the real guard."""

    @property
    def guard(self) -> Guard:
        return Guard(self)  # type: ignore[arg-type]

    def authenticate_bearer(self, token: str) -> Principal:
        found = self.known_bearer(token)
        if found is None:
            raise NotAuthenticated("this token is not known")
        return found

    def known_bearer(self, token: str) -> Principal | None:
        return TOKENS.get(token)

    def denied(self, *_: object) -> None:
        """Nobody keeps a log of it here."""


class World:
    """Journal, derived journal, telemetry store, intake, projector."""

    def __init__(
        self, folder: Path, clock: FrozenClock | None = None, webhook_secrets: str = ""
    ) -> None:
        self.folder = folder
        self.clock = clock or FrozenClock()
        self.journal_path = folder / "journal.db"
        self.derived_path = folder / "derived.db"
        self.tokens = TokenTable()
        self.handshake = Handshake()
        self.redactor = Redactor(load_or_create(folder))
        self.writer = JournalWriter(self.journal_path, self.clock)
        self.derived = JournalWriter(self.derived_path, self.clock)
        self.store = SqliteTelemetryStore(folder / "telemetry", self.clock)
        self.hints: list[str] = []
        self.otlp = OtlpIntake(self.redactor)
        self.webhooks = WebhookIntake(
            Keyring.parse(webhook_secrets, KINDS), self.redactor, self.clock, Tally()
        )
        self.database = Database(f"sqlite:///{folder / 'control.db'}")
        self.database.create_all()
        self.log = AuditLog(self.database, self.clock, AuditSettings(data_dir=folder))
        self.restart()

    def new_projector(self) -> Projector:
        return Projector(
            JournalReader(self.journal_path),
            JournalReader(self.derived_path),
            self.store,
            self.redactor,
            lambda: self.finder.position,
            self.clock,
        )

    def restart(self) -> None:
        """A new engine: what lay in memory is gone."""
        self.memory = ChangeMemory(self.folder / "telemetry" / "changes.db")
        self.finder = Finder(JournalReader(self.journal_path), self.derived, self.store.cursor)
        self.projector = self.new_projector()
        self.tracker = ChangeTracker(
            JournalReader(self.journal_path),
            JournalReader(self.derived_path),
            self.store,
            self.memory,
            self.hints.append,
        )

    @property
    def letters(self) -> DeadLetterService:
        return DeadLetterService(self.journal_path, self.store)

    @property
    def limits(self) -> LimitsService:
        return LimitsService(self.store, self.clock)

    @property
    def replayer(self) -> Replayer:
        changes = ChangeIntake(self.redactor, self.clock)
        return Replayer(
            self.journal_path,
            self.writer,
            self.letters,
            Judges(self.redactor, changes, self.otlp),
            ReplayRecords(self.log, self.database),
            self.clock,
        )

    def find(self) -> None:
        while self.finder.step():
            pass

    def project(self) -> None:
        self.find()
        while self.projector.step():
            pass
        while self.tracker.step():
            pass

    def app(self) -> FastAPI:
        app = FastAPI()
        install_error_mapping(app, self.clock)
        intake = EventIntake(self.redactor, self.clock)
        add_event_routes(
            app.router,
            EventServices(intake, self.writer, BodyBudget(self.writer), self.handshake),
            self.tokens.guard,
        )
        services = CollectorServices(
            writer=self.writer,
            budget=BodyBudget(self.writer),
            changes=ChangeIntake(self.redactor, self.clock),
            flagd=FlagdIntake(self.redactor),
            memory=self.memory,
            webhooks=self.webhooks,
            queries=TelemetryQueries(self.store, self.clock),
            receipts=ReceiptService(self.journal_path, self.store),
            deadletters=self.letters,
            replayer=self.replayer,
            limits=self.limits,
        )
        app.include_router(build_router(services, self.tokens))
        return app

    def client(self, token: str = "shop-token") -> TestClient:
        return TestClient(
            self.app(),
            headers={"Authorization": f"Bearer {token}"},
            raise_server_exceptions=False,
        )

    def journal_bytes(self) -> bytes:
        files = sorted(self.folder.rglob("*.db*"))
        return b"".join(path.read_bytes() for path in files)

    def close(self) -> None:
        self.writer.close()
        self.derived.close()
        self.store.close()
        self.memory.close()
        self.database.close()
