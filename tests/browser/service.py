"""A real service for the browser tests: processes, a shop with flags, seeded over HTTP alone."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from app.demo.flags import ShopSwitches, SwitchServer, serve_switches
from app.demo.processes import Process, command, free_ports
from app.demo.world import REGIONS, Fault, World, basket, event, payment_event
from kernel.api_client import ApiClient
from kernel.clock import SECOND_US, SystemClock, rfc3339
from kernel.errors import NotAuthenticated, NotFound, Unavailable, Unreachable

_T = TypeVar("_T")
# What each alert says: the incidents differ in objective, service and region, so none join.
BLAMED = {
    "payment-success": ("eu-central", "adyen"),
    "checkout-success": ("eu-west", "adyen"),
}
HOSTILE = '<img src=x onerror="window.__owned=1"><script>window.__owned=1</script>'


def until(what: str, look: Callable[[], _T | None], limit_s: float = 60) -> _T:
    """The first answer of `look`; AssertionError where there is none in time."""
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        try:
            if found := look():
                return found
        except (Unreachable, Unavailable, NotFound, NotAuthenticated):
            pass
        time.sleep(0.1)
    raise AssertionError(f"did not happen within {limit_s:.0f} s: {what}")


class Service:
    """`tillwatch serve` in a folder of its own, with a few hundred payments counted."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._clock = SystemClock()
        flags = {f"payment-routing.{region}": "balanced" for region in REGIONS}
        self._switches = ShopSwitches(self._clock, flags)
        self._shop: SwitchServer = serve_switches(self._switches, 0, lambda: None)
        ports = free_ports(0)
        self.url = f"http://127.0.0.1:{ports.http}"
        words = ["serve", "--data-dir", str(data_dir), "--port", str(ports.http)]
        words += ["--otlp-http-port", str(ports.otlp_http), "--otlp-grpc-port"]
        environment = {
            "TILLWATCH_PUBLIC_URL": self.url,
            "TILLWATCH_FLAG_URL": f"http://127.0.0.1:{self._shop.server_address[1]}",
            "TILLWATCH_SIMULATION": "1",
        }
        arguments = ["-m", "app", *words, str(ports.otlp_grpc)]
        self._process = Process("the service", arguments, data_dir / "service.log", environment)
        probe = ApiClient(self.url, "")
        until("the engine is up", lambda: _engine_is_up(self._process, probe), 60)
        self.token = (data_dir / "admin.token").read_text().strip()
        self.api = ApiClient(self.url, self.token)
        until("the token is known", lambda: self.api.get("/api/me"))

    def seed(self) -> dict[str, Any]:
        """Payments with failures at one provider, a refused event, an alert; gives the incident."""
        world = World(random.Random(7), faults=[Fault("adyen", "eu-central", 0.6)])
        now_us = self._clock.now_us()
        events = []
        for index in range(400):
            customer = world.customer()
            attempt = world.attempt(customer)
            at_us = now_us - (400 - index) * SECOND_US
            started = event("checkout.started", f"s{index}", at_us, basket(customer))
            events += [started, payment_event(attempt, at_us)]
        self.api.post("/api/events", events)
        self.api.post("/api/events", [{"type": HOSTILE, "id": HOSTILE}])
        said = f"Payments fail at adyen {HOSTILE}"
        self.alert(said, slo="payment-success", service="payments")
        return self.incident("payment-success")

    def alert(self, summary: str, *, slo: str, service: str) -> None:
        """What Alertmanager would post."""
        labels = {"alertname": f"Fails-{slo}", "service": service, "severity": "critical"}
        region, provider = BLAMED[slo]
        blamed = {"slo": slo, "provider": provider, "region": region}
        alert = {
            "status": "firing",
            "labels": labels | blamed | {"error_type": "provider_timeout"},
            "annotations": {"summary": summary},
            "startsAt": rfc3339(self._clock.now_us() - 30 * SECOND_US),
            "endsAt": "0001-01-01T00:00:00Z",
            "fingerprint": f"{len(summary):016x}",
            "generatorURL": "http://prometheus.example/graph",
        }
        body = {"version": "4", "groupKey": f"{{}}:{slo}", "status": "firing", "alerts": [alert]}
        self.api.post("/webhooks/alertmanager", body)

    def incident(self, slo: str) -> dict[str, Any]:
        """The newest open incident of the objective, once a step waits for a decision."""

        def waiting() -> dict[str, Any] | None:
            for line in self.api.get("/api/incidents")["incidents"]:
                query = {"incident_id": line["id"], "state": "pending"}
                if slo in line["slos"] and self.api.get("/api/approvals", **query)["approvals"]:
                    found: dict[str, Any] = self.api.get(f"/api/incidents/{line['id']}")
                    return found
            return None

        return until("a step is proposed", waiting)

    def person(self, name: str, *roles: str) -> str:
        """A new person's token."""
        words = ["token", "create", "--person", name, "--data-dir", str(self.data_dir)]
        words += [word for role in roles for word in ("--role", role)]
        code, document = command(words)
        assert code == 0, json.dumps(document)
        token = str(document["token"])
        client = ApiClient(self.url, token)
        until("the token is known", lambda: client.get("/api/me"))
        client.close()
        return token

    def routing(self, region: str) -> str | None:
        """What the shop's routing flag of the region is set to."""
        return self._switches.flag(f"payment-routing.{region}")

    def stop(self) -> None:
        """End everything that was started."""
        self.api.close()
        self._process.stop()
        self._shop.shutdown()
        self._shop.server_close()


def _engine_is_up(process: Process, probe: ApiClient) -> bool:
    process.check()
    document = probe.get("/readyz")
    age_s = document["engine_age_s"]
    return bool(document["ready"]) and age_s is not None and age_s < 5
