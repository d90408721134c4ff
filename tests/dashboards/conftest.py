"""The pages in an application like the whole one: real access, real assets, sample documents."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

import access.models
from access.endpoints import build_router as access_router
from access.principal import Role
from access.service import AccessService
from access.settings import AccessSettings
from app.errors import install_error_mapping
from app.security_headers import SecurityHeaders
from audit.log import AuditLog
from audit.settings import AuditSettings
from dashboards import live, pages
from dashboards.assets import Assets
from dashboards.readers import Readers
from dashboards.rendering import Templates
from kernel.clock import FrozenClock, parse_rfc3339
from kernel.database import Database
from kernel.errors import NotFound
from tests.dashboards import policy_samples, samples

assert access.models


class House:
    """What the pages read, to be changed by a test; and a browser without scripts."""

    def __init__(self, folder: Path) -> None:
        self.clock = FrozenClock(parse_rfc3339(samples.AT) + 300_000_000)
        self.slos: list[BaseModel] = [samples.slo()]
        self.points: list[Mapping[str, Any]] = []
        self.incidents: list[Any] = []
        self.approvals: list[BaseModel] = []
        self.timeline: list[BaseModel] = []
        self.records: list[BaseModel] = []
        self.checkpoint: BaseModel | None = None
        self.health: BaseModel = samples.health("", empty=True)
        self.deadletters: list[dict[str, Any]] = []
        self.runbooks: list[dict[str, Any]] = []
        self.slack: Sequence[Mapping[str, Any]] | None = None
        self.policy: BaseModel = policy_samples.policy()
        self.gate: BaseModel = policy_samples.gate()
        self.stale = ""
        self.execution: BaseModel = samples.switched_on()
        self.names: dict[str, str] = {}
        self.responders: list[tuple[str, str]] = []
        self.stopping = False
        self.control = folder / "control.db"
        self.database = Database(f"sqlite:///{self.control}")
        self.database.create_all()
        log = AuditLog(self.database, self.clock, AuditSettings(data_dir=folder))
        self.access = AccessService(self.database, log, self.clock, AccessSettings())
        sqlite3.connect(folder / "ledger.db").close()
        self.feed = live.LiveFeed(self.control, folder / "ledger.db", lambda: self.stopping)
        self.assets = Assets()
        self.client = TestClient(self._app(), follow_redirects=False)

    def token(self, name: str, *roles: Role) -> str:
        """A new person's token."""
        return self.access.create_token(self.access.create_person(name, list(roles)))

    def enter(self, *roles: Role) -> TestClient:
        """Log in as somebody with these roles."""
        token = self.token(f"person {len(roles)} {roles[:1]}", *roles)
        answer = self.client.post("/login", data={"token": token, "next": "/"})
        assert answer.status_code == 303
        return self.client

    def page(self, path: str) -> str:
        """The HTML of a page that must be there."""
        answer = self.client.get(path, headers={"Accept": "text/html"})
        assert answer.status_code == 200, answer.text
        return answer.text

    def _app(self) -> FastAPI:
        app = FastAPI()
        guard = self.access.guard
        install_error_mapping(app, self.clock, self.assets.url("css/tillwatch.css"))
        app.include_router(access_router(self.access, public_url="http://x", session_hours=12))
        app.include_router(self.assets.router())
        app.include_router(live.build_router(self.feed, guard))
        templates = Templates(self.assets, self.clock)
        app.include_router(pages.build_router(self._readers(), templates, guard))
        app.add_middleware(SecurityHeaders)
        return app

    def _readers(self) -> Readers:
        return Readers(
            clock=self.clock,
            feed=self.feed,
            slos=lambda: self.slos,
            slo=lambda slo_id: _only(self.slos, "id", slo_id),
            slo_series=lambda *_: self.points,
            incidents=lambda: self.incidents,
            incident=lambda number: _only(self.incidents, "number", number),
            timeline=lambda _: self.timeline,
            alert_health=lambda: self.health,
            approvals=lambda _: self.approvals,
            runbooks=lambda: self.runbooks,
            runbook=lambda _: self.runbooks[0],
            records=lambda *_: self.records,
            checkpoint=lambda: self.checkpoint,
            deadletters=lambda rule, source: samples.letters(self.deadletters, rule, source),
            deadletter=lambda name: samples.letter(self.deadletters, name),
            policy=lambda: self.policy,
            gate=lambda _: self.gate,
            name_of=lambda person_id: self.names.get(person_id, person_id),
            execution=lambda: self.execution,
            responders=lambda: self.responders,
            slack_preview=lambda _: self.slack,
            stale=lambda: self.stale,
            simulation=False,
        )


def _only(found: Sequence[Any], key: str, value: str) -> Any:
    for one in found:
        if getattr(one, key) == value:
            return one
    raise NotFound(f"there is no {value!r}", hint="see the list")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built = House(tmp_path)
    with built.client:
        yield built
    built.database.close()
