"""Deny by default: every route of the door refuses whoever does not say who they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from app.core import Core
from app.door import Door
from app.stores import settings_for, upgrade
from kernel.clock import SystemClock
from kernel.database import Database
from kernel.observability import Metrics

# Open on purpose: health, metrics without business figures, and what the login page needs.
PUBLIC = {
    "/livez",
    "/readyz",
    "/metrics",
    "/login",
    "/openapi.json",
    "/favicon.ico",
}
PUBLIC_PREFIXES = ("/static",)


@pytest.fixture(scope="module")
def door(tmp_path_factory) -> Iterator[Door]:
    kernel = settings_for(tmp_path_factory.mktemp("data"))
    database = Database(kernel.control_url)
    upgrade(database)
    made = Door(Core(kernel, database, SystemClock()), Metrics())
    made.core.access.ensure_admin(kernel.data_dir)
    yield made
    made.journal.close()
    made.core.close()


@pytest.fixture(scope="module")
def app(door):
    return door.http_app()


def routes(app) -> list[tuple[str, str]]:
    """(method, path) of every route, also of included routers."""
    found, waiting = [], list(app.routes)
    while waiting:
        route = waiting.pop()
        inner = getattr(route, "original_router", None)
        if inner is not None:
            waiting += inner.routes
        elif getattr(route, "methods", None):
            found += [(method, route.path) for method in route.methods]
    return sorted(found)


def test_nobody_gets_in_anywhere_without_saying_who_they_are(app):
    known = routes(app)
    assert len(known) > 30
    wrong = []
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        for method, path in known:
            if (method, path) == ("OPTIONS", "/api/events"):
                continue  # the webhook handshake comes before any token, and tells nothing
            if path in PUBLIC or path.startswith(PUBLIC_PREFIXES):
                continue
            address = re.sub(r"\{[^}]*\}", "x", path)
            answer = client.request(method, address, content=b"{}")
            to_login = answer.headers.get("location", "").startswith("/login")
            no_slack = path.startswith("/slack/") and answer.json()["code"] == "not_configured"
            # A provider signs: where no source is configured there is nobody to let in.
            no_source = path.startswith("/webhooks/{kind}/") and answer.status_code == 404
            let_in = not (to_login or no_slack or no_source)
            if answer.status_code not in {401, 403} and let_in:
                wrong.append((method, path, answer.status_code))
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer tw_x", "Basic eDp4", "x", "\x7f"])
def test_a_wrong_authorization_header_is_never_more_than_no_header(app, header):
    with TestClient(app, raise_server_exceptions=False) as client:
        for path in ("/api/slos", "/api/me", "/api/incidents"):
            answer = client.get(path, headers={"Authorization": header})
            assert answer.status_code == 401, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"


# A digit that is none, a digit of another script, numbers beyond 64 bits, and what is no number.
ODD = ["\u00b2", "\u0663", "9" * 19, "9" * 30, "-1", "--5", "\x00", "NaN", "a" * 5_000]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
def test_an_odd_value_in_an_address_is_the_askers_fault_and_never_ours(door, app, odd):
    token = (door.core.kernel.data_dir / "admin.token").read_text().strip()
    value = quote(odd)
    with TestClient(app, raise_server_exceptions=False, follow_redirects=False) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        for address in (
            f"/incidents/INC-{value}",
            f"/api/incidents/INC-{value}",
            f"/api/incidents?limit={value}",
            f"/audit?before={value}",
            f"/api/audit?before={value}",
            f"/api/deadletters/record:{value}",
            f"/api/deadletters/{value}:{value}",
            f"/api/events?limit={value}",
            f"/api/events?since={value}",
            f"/api/receipts/{value}",
            f"/slos/{value}",
            f"/runbooks/{value}",
        ):
            assert client.get(address).status_code < 500, address


def test_a_form_of_hundreds_of_fields_is_refused_and_is_no_fault_of_ours(app):
    form = "&".join(f"field{number}=1" for number in range(300))
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.post("/login", content=form)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_input")
