"""A deploy, a flag file and a vendor's incident meet on one time line of a real service."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from kernel.clock import SystemClock, rfc3339
from tests.collector.vendors.status_page import StatusPage, incident
from tests.journeys.running import RunningService, running, until

SECRET = "a-secret-typed-in-at-github"
TOKEN = "0123456789abcdef01234567"
SECRETS = json.dumps({"github/acme": [SECRET], "statuspage/acme": [TOKEN]})
FLAG: dict[str, Any] = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
}
# A flag for each story, whichever comes first.
FLAGS = {"together": FLAG, "mended": FLAG, "meanwhile": FLAG}


@dataclass
class Shop:
    """A service, and what it watches."""

    service: RunningService
    file: Path
    page: StatusPage
    flags: dict[str, Any]

    def changes(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.service.client.get("/api/changes", **query)["changes"])

    def change(self, summary: str) -> dict[str, Any]:
        """The newest change that says this, once it shows."""
        return until(
            lambda: next((one for one in self.changes() if one["summary"] == summary), None),
            f"it shows: {summary}",
        )

    def watched(self, name: str) -> dict[str, Any]:
        found = self.service.client.get("/api/changes")["watched"]
        return next((one for one in found if one["name"] == name), {})

    def write(self, content: str) -> None:
        """As a deploy does: the whole file at once."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(content)
        fresh.rename(self.file)

    def set_flag(self, name: str, **changed: Any) -> None:
        self.flags[name] = {**self.flags[name], **changed}
        self.write(json.dumps({"flags": self.flags}))

    def post(self, path: str, body: bytes, **headers: str) -> httpx2.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with httpx2.Client(base_url=self.service.url, timeout=30, trust_env=False) as stranger:
            return stranger.post(path, content=body, headers=named)


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("changes")
    file = folder / "flags.flagd.json"
    file.write_text(json.dumps({"flags": FLAGS}))
    with StatusPage() as page:
        settings = {
            "TILLWATCH_WEBHOOK_SECRETS": SECRETS,
            "TILLWATCH_FLAGD_FILES": f"payments={file}",
            "TILLWATCH_FLAGD_POLL_S": "0.2",
            "TILLWATCH_STATUS_PAGES": f"acme={page.url}",
            "TILLWATCH_STATUS_POLL_S": "3600",
        }
        with running(folder, **settings) as service:
            found = Shop(service, file, page, dict(FLAGS))
            for name in ("flagd/payments", "statuspage/acme"):
                until(lambda name=name: found.watched(name).get("read_at"), f"{name} was read")
            yield found
            assert "unexpected_error" not in service.log.read_text(), service.tail()


def deployed(shop: Shop, number: int, secret: str = SECRET) -> httpx2.Response:
    now = rfc3339(SystemClock().now_us())
    deployment = {
        "id": number,
        "ref": f"v1.4.{number}",
        "environment": "production",
        "created_at": now,
    }
    payload = {
        "action": "created",
        "deployment": deployment,
        "deployment_status": {"id": number, "state": "success", "created_at": now},
        "repository": {"name": "payments", "full_name": "acme/payments"},
    }
    body = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return shop.post(
        "/webhooks/github/acme",
        body,
        content_type="application/json",
        x_github_event="deployment_status",
        x_github_delivery=f"delivery-{number}",
        x_hub_signature_256=f"sha256={signature}",
    )


def hint(shop: Shop, number: int, token: str = TOKEN) -> httpx2.Response:
    """Of an incident that only the hint knows."""
    told = {"id": f"hinted-{number}", "name": "only hinted at", "impact": "critical"}
    body = json.dumps({"incident": {**told, "updated_at": rfc3339(SystemClock().now_us())}})
    return shop.post(f"/webhooks/statuspage/acme?token={token}", body.encode())


def test_a_deploy_a_flag_and_an_incident_stand_on_one_time_line(shop: Shop) -> None:
    assert deployed(shop, 1).status_code == 202
    deploy = shop.change("payments: deployment of v1.4.1 done")
    assert (deploy["kind"], deploy["source"]) == ("deploy", "github/acme")

    shop.set_flag("together", defaultVariant="on")
    flag = shop.change("flag together: default off → on")
    assert (flag["kind"], flag["source"]) == ("flag", "flagd/payments")

    began = rfc3339(SystemClock().now_us())
    shop.page.incidents = [incident("investigating", began, "major")]
    assert hint(shop, 1).status_code == 202
    vendor = shop.change("acme: Database query delays: investigating (API)")
    assert (vendor["kind"], vendor["source"]) == ("vendor", "statuspage/acme")
    assert vendor["at"] == began
    page = until(lambda: shop.watched("statuspage/acme"), "the page shows")
    assert (page["state"], page["problem"]) == ("major incident", "")

    told = [one for one in shop.changes() if one in (deploy, flag, vendor)]
    assert told == [vendor, flag, deploy]
    assert "hinted" not in json.dumps(shop.changes())


def test_who_has_no_secret_changes_nothing_and_has_nothing_read(shop: Shop) -> None:
    before, asked = shop.changes(), len(shop.page.asked)
    assert deployed(shop, 2, "a-secret-of-a-stranger").status_code == 401
    assert hint(shop, 2, "0123456789abcdef01234568").status_code == 401
    # The next good one is told: what came before it was looked at.
    assert deployed(shop, 3).status_code == 202
    until(lambda: len(shop.changes()) > len(before), "the good one shows")
    assert len(shop.changes()) == len(before) + 1
    assert len(shop.page.asked) == asked


def test_a_broken_flag_file_is_said_and_the_mended_one_is_compared(shop: Shop) -> None:
    shop.set_flag("mended", state="DISABLED")
    shop.change("flag mended: enabled → disabled")
    before = shop.changes()
    shop.write("{")
    until(lambda: "malformed" in shop.watched("flagd/payments")["problem"], "it is said")
    shop.set_flag("mended", state="DISABLED")
    until(lambda: shop.watched("flagd/payments")["problem"] == "", "it is mended")
    assert shop.changes() == before


def test_a_crash_tells_nothing_twice_and_forgets_nothing(shop: Shop) -> None:
    before = shop.changes()
    asked = len(shop.page.asked)
    shop.service.kill_both()
    shop.set_flag("meanwhile", state="DISABLED")
    shop.service.start()
    until(lambda: len(shop.page.asked) > asked, "the page is read again")
    until(lambda: len(shop.changes()) > len(before), "what changed meanwhile shows")
    newest, *rest = shop.changes()
    assert newest["summary"] == "flag meanwhile: enabled → disabled"
    assert rest == before


def test_an_address_that_cannot_be_watched_stops_the_start_and_says_why(tmp_path: Path) -> None:
    broken = RunningService(tmp_path, {"TILLWATCH_STATUS_PAGES": "acme=http://status.example"})
    broken.spawn()
    assert broken.wait(90) == 4
    assert "TILLWATCH_STATUS_PAGES: the page of acme needs https" in broken.tail()
