"""Guards, login and logout over HTTP."""

from __future__ import annotations

import pytest
from fastapi import Depends, FastAPI
from starlette.testclient import TestClient

from access.endpoints import build_router, local_path
from access.guards import COOKIE
from access.principal import Principal, Role
from app.errors import install_error_mapping


@pytest.fixture
def client(world):
    app = FastAPI()
    install_error_mapping(app, world.clock)
    app.include_router(build_router(world.access, public_url="http://x", session_hours=12))
    guard = world.access.guard

    def change(principal: Principal = Depends(guard.require(Role.APPROVER))) -> str:
        return principal.name

    def look(principal: Principal | None = Depends(guard.optional())) -> str:
        return principal.name if principal else "nobody"

    app.post("/change")(change)
    app.get("/page")(change)
    app.get("/look")(look)
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        yield client


@pytest.fixture
def token(world) -> str:
    person_id = world.access.create_person("ada", [Role.APPROVER])
    return world.access.create_token(person_id)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def log_in(client, token) -> None:
    answer = client.post("/login", data={"token": token, "next": "/incidents"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/incidents")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_nobody_comes_in_without_saying_who_they_are(client):
    answer = client.post("/change")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["hint"]


def test_a_bearer_token_with_the_role_comes_in_and_needs_no_csrf(client, token):
    assert client.post("/change", headers=bearer(token)).json() == "ada"


def test_a_person_without_the_role_is_refused_and_recorded(client, world):
    person_id = world.access.create_person("eve", [Role.VIEWER])
    other = world.access.create_token(person_id)
    assert client.post("/change", headers=bearer(other)).status_code == 403
    record = world.recorded()[-1]
    assert (record["type"], record["data"]) == ("authz.denied", {"needed": ["approver"]})


def test_a_session_needs_the_csrf_value_in_the_form_or_the_header(client, token):
    log_in(client, token)
    assert client.post("/change").status_code == 403
    assert client.post("/change", data={"csrf": "wrong"}).status_code == 403
    csrf = client.get("/api/me").json()["csrf"]
    assert client.post("/change", data={"csrf": csrf}).json() == "ada"
    assert client.post("/change", headers={"X-CSRF-Token": csrf}).json() == "ada"


def test_logout_ends_the_session_and_needs_the_csrf_value_too(client, token):
    log_in(client, token)
    assert client.post("/logout").status_code == 403
    csrf = client.get("/api/me").json()["csrf"]
    cookie = client.cookies[COOKIE]
    assert client.post("/logout", data={"csrf": csrf}).status_code == 303
    client.cookies.set(COOKIE, cookie)
    assert client.get("/api/me").status_code == 401


def test_a_failed_login_leads_a_browser_back_to_the_page_and_a_script_to_a_problem(client):
    page = client.post("/login", data={"token": "tw_x"}, headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?failed=1&next=/")
    assert client.post("/login", data={"token": "tw_x"}).status_code == 401


def test_a_login_posted_from_another_site_is_refused(client, token):
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = client.post("/login", data={"token": token}, headers=headers)
    assert answer.status_code == 403
    assert COOKIE not in client.cookies


def test_a_browser_without_a_session_is_led_to_the_login_page(client):
    headers = {"Accept": "text/html"}
    answer = client.get("/page?a=b", headers=headers)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/page%3Fa%3Db"


def test_an_optional_guard_takes_an_old_cookie_for_no_cookie_but_not_a_wrong_token(client):
    assert client.get("/look").json() == "nobody"
    client.cookies.set(COOKIE, "over")
    assert client.get("/look").json() == "nobody"
    assert client.get("/look", headers=bearer("tw_wrong")).status_code == 401


def test_a_guard_without_a_role_is_refused_when_it_is_built(world):
    with pytest.raises(TypeError):
        world.access.guard.require()


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil", "", "/a\nb", "x"]
)
def test_a_login_never_leads_to_another_host(target):
    assert local_path(target) == "/"
    assert local_path("/slos/a?b=1") == "/slos/a?b=1"
