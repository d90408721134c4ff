"""The action log over HTTP: newest first, filtered, in pages, for readers only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from access.service import AccessService
from access.settings import AccessSettings
from app.audit_api import build_router
from app.errors import install_error_mapping
from audit.log import AuditLog
from audit.sequencer import AuditSequencer
from audit.settings import AuditSettings
from kernel.clock import FrozenClock
from kernel.database import Database


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    clock = FrozenClock()
    database = Database(f"sqlite:///{tmp_path / 'control.db'}")
    database.create_all()
    log = AuditLog(database, clock, AuditSettings(data_dir=tmp_path))
    access = AccessService(database, log, clock, AccessSettings())
    token = access.ensure_admin(tmp_path).read_text().strip()
    AuditSequencer(database, log, clock).step()
    app = FastAPI()
    install_error_mapping(app, clock)
    app.include_router(build_router(log, access.guard))
    with TestClient(app, headers={"Authorization": f"Bearer {token}"}) as found:
        yield found
    database.close()


def test_records_come_newest_first_with_what_is_signed(client: TestClient) -> None:
    document = client.get("/api/audit").json()
    numbers = [record["seq"] for record in document["records"]]
    assert numbers == sorted(numbers, reverse=True)
    assert {record["type"] for record in document["records"]} >= {"person.created"}
    assert document["checkpoint"]["size"] == len(numbers)
    assert all(record["checkpointed"] for record in document["records"])


def test_a_type_and_a_page_are_chosen(client: TestClient) -> None:
    everything = client.get("/api/audit").json()["records"]
    some = client.get("/api/audit", params={"type": "token.created"}).json()["records"]
    assert [record["type"] for record in some] == ["token.created"]
    older = client.get("/api/audit", params={"before": everything[0]["seq"]}).json()["records"]
    assert older == everything[1:]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"before": -1}])
def test_a_page_out_of_bounds_is_refused(client: TestClient, query: dict[str, int]) -> None:
    answer = client.get("/api/audit", params=query)
    assert answer.status_code == 400
    assert answer.json()["path"]


def test_nobody_reads_it_without_a_token(client: TestClient) -> None:
    answer = client.get("/api/audit", headers={"Authorization": "", "Accept": "application/json"})
    assert answer.status_code == 401
