"""The story: history, a deploy, an outage in one region, and the way back, step by step.

The narrator only watches and, with `auto_approve`, decides over HTTP as the person
`demo-approver`; everything else happens by itself. Every step has a bound in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from app.demo.processes import Ports, Process, command, free_ports
from kernel.api_client import ApiClient
from kernel.clock import SECOND_US, SystemClock, parse_rfc3339, rfc3339
from kernel.errors import NotFound, TillwatchError, Unavailable, Unreachable

OBJECTIVE = "payment-success"
APPROVER = "demo-approver"
_T = TypeVar("_T")
_ENDED = frozenset(
    {
        *("rejected", "revoked", "cancelled", "expired", "superseded", "stale", "failed"),
        *("unknown", "not_recovered", "rollback_proposed"),
    }
)


@dataclass(frozen=True)
class Plan:
    """How the story is told."""

    data_dir: Path
    port: int = 0
    auto_approve: bool = False
    rate_per_s: float = 6.0
    settle_s: float = 10.0


@dataclass
class Told:
    """What has happened so far."""

    timeline: dict[str, dict[str, Any]] = field(default_factory=dict)
    incident: dict[str, Any] = field(default_factory=dict)
    slo: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The result as printed by --json."""
        return {
            "simulation": True,
            "timeline": self.timeline,
            "incident": self.incident,
            "slo": self.slo,
        }


class StoryFailed(TillwatchError):
    """A step did not happen in time."""

    code = "story_failed"
    exit_code = 1


class Story:
    """Plays one outage. `say(text)` is told of each step."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._clock = SystemClock()
        self._ports: Ports = free_ports(plan.port)
        self._watched: list[Process] = []
        self._open_since_us = 0
        self.told = Told()

    @property
    def url(self) -> str:
        """Address of the pages."""
        return f"http://127.0.0.1:{self._ports.http}"

    @contextmanager
    def running(self) -> Iterator[ApiClient]:
        """Service and shop as processes; gives a client with the admin's token."""
        self._plan.data_dir.mkdir(parents=True, exist_ok=True)
        try:
            yield self._start()
        finally:
            for process in reversed(self._watched):
                process.stop()

    def play(self, client: ApiClient) -> Told:
        """From onset to the audit's proof."""
        shop = ApiClient(f"http://127.0.0.1:{self._ports.shop}", "")
        onset = str(shop.post("/fault", {})["onset"])
        self._mark("onset", onset, "adyen in eu-central")
        self._say("adyen begins to fail in eu-central, just after a deploy of recommendations")
        incident = self._detected(client, onset)
        approval = self._proposed(client, incident)
        self._decided(client, approval)
        self._recovered(client, approval["id"], shop)
        self._proven()
        self.told.incident = client.get(f"/api/incidents/{incident['id']}")
        self.told.slo = client.get(f"/api/slos/{OBJECTIVE}")
        shop.close()
        return self.told

    def keep_running(self) -> None:
        """Until the processes end or somebody interrupts."""
        while True:
            for process in self._watched:
                process.check()
            time.sleep(0.5)

    def _start(self) -> ApiClient:
        plan, ports = self._plan, self._ports
        self._say("starting the service")
        service = Process(
            "the service",
            [
                "-m",
                "app",
                "serve",
                "--data-dir",
                str(plan.data_dir),
                "--port",
                str(ports.http),
                "--otlp-http-port",
                str(ports.otlp_http),
                "--otlp-grpc-port",
                str(ports.otlp_grpc),
            ],
            plan.data_dir / "service.log",
            {
                "TILLWATCH_PUBLIC_URL": self.url,
                "TILLWATCH_FLAG_URL": f"http://127.0.0.1:{ports.shop}",
                "TILLWATCH_SIMULATION": "1",
            },
        )
        self._watched.append(service)
        probe = ApiClient(self.url, "")
        self._until("the service is ready", 60, lambda: _engine_is_up(probe))
        token = (plan.data_dir / "admin.token").read_text().strip()
        client = ApiClient(self.url, token)
        self._start_shop(client)
        return client

    def _start_shop(self, client: ApiClient) -> None:
        plan, ports = self._plan, self._ports
        token_file = plan.data_dir / "shop.token"
        token_file.touch(mode=0o600)
        token_file.write_text(self._token("demo-shop", ["ingest"], machine=True))
        self._say("28 days of the shop's history are sent")
        shop = Process(
            "the shop",
            [
                "-m",
                "app.demo.shop",
                "--url",
                self.url,
                "--token-file",
                str(token_file),
                "--otlp-url",
                f"http://127.0.0.1:{ports.otlp_http}",
                "--port",
                str(ports.shop),
                "--rate-per-s",
                str(plan.rate_per_s),
            ],
            plan.data_dir / "shop.log",
            {},
        )
        self._watched.append(shop)
        began_s = time.monotonic()
        while not (line := shop.line(1.0) or {}).get("live"):
            for process in self._watched:
                process.check()
            if line.get("done"):
                self._say(f"{line['backfilled']:,} events of history are acknowledged")
            if time.monotonic() - began_s > 120:
                raise StoryFailed("the history was not acknowledged within 120 s")
        self._open_since_us = self._clock.now_us()
        self._say("the shop is open; waiting until everything is counted")
        self._until("everything is counted", 90, lambda: self._caught_up(client))

    def _caught_up(self, client: ApiClient) -> bool:
        slo = client.get(f"/api/slos/{OBJECTIVE}")
        lag_s = (self._clock.now_us() - parse_rfc3339(slo["watermark"])) / SECOND_US
        live_s = (self._clock.now_us() - self._open_since_us) / SECOND_US
        return lag_s < 3 and live_s > self._plan.settle_s and slo["state"] != "no_data"

    def _token(self, name: str, roles: list[str], *, machine: bool = False) -> str:
        arguments = ["token", "create", "--person", name, "--data-dir", str(self._plan.data_dir)]
        arguments += [word for role in roles for word in ("--role", role)]
        code, document = command([*arguments, *(["--machine"] if machine else [])])
        if code != 0:
            raise StoryFailed(f"no token for {name}: {document.get('message')}")
        return str(document["token"])

    def _detected(self, client: ApiClient, onset: str) -> dict[str, Any]:
        def opened() -> dict[str, Any] | None:
            found = [one for one in client.get("/api/incidents")["incidents"] if _fresh(one, onset)]
            return found[0] if found else None

        line = self._until("an incident is opened", 90, opened)
        self._mark("detected", line["opened_at"], line["id"])
        took_s = (parse_rfc3339(line["opened_at"]) - parse_rfc3339(onset)) / SECOND_US
        self._say(f"{line['number']} opened {took_s:.1f} s after the onset: {line['title']}")

        def briefed() -> dict[str, Any] | None:
            incident: dict[str, Any] = client.get(f"/api/incidents/{line['id']}")
            return incident if incident["brief"] else None

        incident = self._until("its brief is ready", 30, briefed)
        self._mark("brief_ready", _first_brief(client, incident), incident["id"])
        self._say(incident["brief"]["text"])
        self._say(f"look at it: {self.url}/incidents/{incident['number']}")
        return incident

    def _proposed(self, client: ApiClient, incident: dict[str, Any]) -> dict[str, Any]:
        def pending() -> dict[str, Any] | None:
            query = {"incident_id": incident["id"], "state": "pending"}
            found = client.get("/api/approvals", **query)["approvals"]
            return next((one for one in found if one["kind"] == "flag"), None)

        approval = self._until("a step is proposed", 30, pending)
        self._mark("proposed", approval["requested_at"], approval["id"])
        self._say(f"proposed ({approval['tier']}): {approval['what']} Undo: {approval['undo']}")
        return approval

    def _decided(self, client: ApiClient, approval: dict[str, Any]) -> None:
        approver = self._token(APPROVER, ["responder", "approver"])
        if self._plan.auto_approve:
            person = ApiClient(self.url, approver)
            answer = {"decision": "approve", "shown_hash": approval["digest"]}
            answer |= {"reason": "simulated approval of the demo", "simulated": True}
            path = f"/api/approvals/{approval['id']}/decision"
            self._until("the approver's token is known", 10, lambda: _knows(person))
            person.post(path, answer)
            person.close()
        else:
            self._say(f"log in at {self.url}/login with the token {approver}")
            self._say("then approve the step on the incident's page (it expires by itself)")

        def approved() -> dict[str, Any] | None:
            found: dict[str, Any] = client.get(f"/api/approvals/{approval['id']}")
            if found["state"] in _ENDED:
                raise StoryFailed(f"the step was not approved: {found['state']}")
            return found if found["decided_at"] and found["state"] != "pending" else None

        found = self._until("a person approves", 900, approved)
        record = found["votes"][-1]["record"] if found["votes"] else found["id"]
        self._mark("approved", found["decided_at"], record)
        self._say(f"approved by {found['decided_by']}")

    def _recovered(self, client: ApiClient, approval_id: str, shop: ApiClient) -> None:
        def state() -> dict[str, Any]:
            found: dict[str, Any] = client.get(f"/api/approvals/{approval_id}")
            if found["state"] in _ENDED:
                raise StoryFailed(f"the step ended as {found['state']}: {found['note']}")
            return found

        def executed() -> dict[str, Any] | None:
            found = state()
            # The time stands from the intent on; the flag is switched when the result is in.
            return found if found["state"] in {"succeeded", "recovered"} else None

        found = self._until("the step is executed", 60, executed)
        switched = shop.get("/state")["history"]
        if not switched:
            raise StoryFailed("the step claims success, but the shop's flag was not switched")
        self._mark("executed", found["executed_at"], approval_id)
        self._say(
            f"the shop's routing is switched: {switched[-1]['key']} = {switched[-1]['value']}"
        )

        def recovered() -> dict[str, Any] | None:
            found = state()
            return found if found["state"] == "recovered" else None

        found = self._until("traffic recovers", 240, recovered)
        at = found["recovery_detail"].get("at") or rfc3339(self._clock.now_us())
        self._mark("recovered", str(at), approval_id)
        self._say("recovery is verified on the shop's own numbers")

    def _proven(self) -> None:
        def verified() -> dict[str, Any] | None:
            _, document = command(["audit", "verify", "--data-dir", str(self._plan.data_dir)])
            return document if document.get("result") == "verified" else None

        report = self._until("the audit verifies", 30, verified)
        self._mark("audit_verified", rfc3339(self._clock.now_us()), f"size {report['size']}")
        self._say(f"the audit verifies: {report['size']} records, all signed for")

    def _until(self, what: str, limit_s: float, look: Callable[[], _T | None]) -> _T:
        """Ask until there is an answer; StoryFailed when it takes longer than `limit_s`."""
        end_s = time.monotonic() + limit_s
        while True:
            for process in self._watched:
                process.check()
            try:
                if found := look():
                    return found
            except (Unreachable, Unavailable, NotFound):
                pass
            if time.monotonic() > end_s:
                raise StoryFailed(
                    f"did not happen within {limit_s:.0f} s: {what}",
                    hint=f"the logs are in {self._plan.data_dir}",
                )
            time.sleep(0.25)

    def _mark(self, step: str, at: str, ref: str) -> None:
        self.told.timeline[step] = {"at": at, "id": ref}


def _engine_is_up(client: ApiClient) -> bool:
    document = client.get("/readyz")
    age_s = document["engine_age_s"]
    return bool(document["ready"]) and age_s is not None and age_s < 5


def _knows(client: ApiClient) -> bool:
    try:
        return bool(client.get("/api/me"))
    except TillwatchError:
        return False


def _fresh(line: dict[str, Any], onset: str) -> bool:
    return parse_rfc3339(line["opened_at"]) >= parse_rfc3339(onset)


def _first_brief(client: ApiClient, incident: dict[str, Any]) -> str:
    """When the first brief stood: later ones replace it on the incident, not in the timeline."""
    found = client.get(f"/api/incidents/{incident['id']}/timeline")
    briefs = [one["at"] for one in found if one["type"] == "incident.brief"]
    return str(min(briefs) if briefs else incident["brief"]["at"])
