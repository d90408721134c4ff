"""A maintenance that failed on purpose: proposed on a command line, approved by somebody else."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import dataclass

import httpx2
import pytest

from kernel.clock import HOUR_US, MINUTE_US, rfc3339
from tests.journeys.running import RunningService, command, until
from tests.journeys.shop import coming_monday, now_us, payment


@dataclass(frozen=True)
class Maintenance:
    """An hour in which 40 payments failed, 60 good ones around it, and three people's tokens."""

    from_us: int
    to_us: int
    proposer: str
    approver: str
    viewer: str

    @property
    def words(self) -> list[str]:
        return ["--from", rfc3339(self.from_us), "--to", rfc3339(self.to_us)]


@pytest.fixture(scope="module")
def maintenance(service) -> Maintenance:
    to_us = now_us() - 3 * HOUR_US
    to_us -= to_us % MINUTE_US
    from_us = to_us - HOUR_US
    inside = [
        payment(f"m{n}", "failed", at_us=from_us + n * MINUTE_US, provider="adyen")
        for n in range(40)
    ]
    around = [payment(f"a{n}", at_us=from_us - (n + 1) * MINUTE_US) for n in range(60)]
    service.send([*inside, *around])
    until(lambda: counted(service) == (60, 40), "all of them are counted")
    return Maintenance(
        from_us,
        to_us,
        service.token_for("ada", "responder", "viewer"),
        service.token_for("ben", "approver", "viewer"),
        service.token_for("vera", "viewer"),
    )


def counted(service: RunningService) -> tuple[int, int]:
    counts = service.slo()["counts"]
    return counts["good"], counts["bad"]


def say(service: RunningService, token: str, *words: str) -> tuple[int, dict]:
    environment = {"TILLWATCH_TOKEN": token, "TILLWATCH_PUBLIC_URL": service.url}
    return command(["slo", "correction", *words], environment=environment)


def test_what_two_people_agreed_on_is_left_out_and_both_figures_show(service, maintenance):
    before = service.slo()
    code, proposed = say(
        service,
        maintenance.proposer,
        "propose",
        *maintenance.words,
        *("--objective", "payment-success", "--reason", "the provider moves house"),
    )
    assert (code, proposed["state"]) == (0, "proposed")
    [effect] = proposed["preview"]
    assert effect["before"]["counts"] == before["counts"]
    assert (effect["before"]["counts"]["bad"], effect["after"]["counts"]["bad"]) == (40, 0)
    assert service.slo()["counts"] == before["counts"]

    # Who proposed it, and who only looks, cannot approve it; nor can a machine.
    robot = service.token_for("robot", "ingest", machine=True)
    for token in (maintenance.proposer, maintenance.viewer, robot):
        code, refused = say(service, token, "approve", proposed["id"], "--yes")
        assert (code, refused["code"]) == (4, "not_allowed")
    code, approved = say(service, maintenance.approver, "approve", proposed["id"], "--yes")
    assert (code, approved["state"], approved["decided_by"]) == (0, "approved", "ben")

    after = service.slo()
    assert after["counts"] == effect["after"]["counts"]
    assert after["budget_left"] == effect["after"]["budget_left"] == 1.0
    assert after["uncorrected"]["counts"] == before["counts"]
    assert after["uncorrected"]["budget_left"] == before["budget_left"] < 0
    shown = next(one for one in after["corrections"] if one["id"] == proposed["id"])
    assert (shown["id"], shown["seconds"]) == (proposed["id"], 3600)
    # Whoever reads the stores is told the same, looking back.
    code, listed = command(
        ["slo", "correction", "show", proposed["id"], "--data-dir", str(service.data_dir)]
    )
    [told] = listed["preview"]
    assert (code, told["before"]["counts"]) == (0, effect["before"]["counts"])
    assert told["after"] == effect["after"]

    code, withdrawn = say(
        service, maintenance.approver, "withdraw", proposed["id"], "--reason", "it was an outage"
    )
    assert (code, withdrawn["state"]) == (0, "withdrawn")
    assert service.slo()["counts"] == before["counts"]
    records = service.audit(type="correction.*")
    kinds = [one["type"] for one in records if proposed["id"] in json.dumps(one)]
    assert kinds == ["correction.decided", "correction.decided", "correction.proposed"]


def test_what_cannot_be_meant_is_refused_with_its_place(service, maintenance):
    monday = coming_monday()
    code, refused = say(
        service,
        maintenance.proposer,
        *("propose", "--from", f"{monday}T02:00", "--to", f"{monday}T04:00"),
        *("--zone", "Europe/Berlin", "--rule", "FREQ=WEEKLY;BYDAY=TU"),
        *("--objective", "payment-success", "--reason", "weekly"),
    )
    assert (code, refused["code"]) == (2, "bad_input")
    assert "not a day of the rule" in refused["message"]


def test_the_page_proposes_and_decides_without_a_program(service, maintenance):
    with (
        closing(log_in(service, maintenance.proposer)) as proposer,
        closing(log_in(service, maintenance.approver)) as approver,
    ):
        form = {
            "csrf": csrf(proposer),
            "page": "payment-success",
            "scope": "service",
            "service": "payments",
            "category": "deployment",
            "from": rfc3339(maintenance.from_us)[:16],
            "to": rfc3339(maintenance.to_us)[:16],
            "zone": "UTC",
            "rule": "",
            "segment": "provider=adyen",
            "reason": "release 7 <b>again</b>",
        }
        answer = proposer.post("/api/corrections", data=form)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"] == "/slos/payment-success#corrections"
        page = approver.get("/slos/payment-success", headers={"Accept": "text/html"}).text
        assert "release 7 &lt;b&gt;again&lt;/b&gt;" in page
        assert "Approve" in page.partition('id="corrections"')[2]
        mine = proposer.get("/slos/payment-success", headers={"Accept": "text/html"}).text
        assert 'value="approve"' not in mine.partition('id="corrections"')[2]
        correction_id = re.search(r"/api/corrections/([0-9a-f-]+)/decision", page)[1]
        said = {"csrf": "wrong", "page": "payment-success", "decision": "approve"}
        address = f"/api/corrections/{correction_id}/decision"
        assert approver.post(address, data=said).status_code == 403
        answer = approver.post(address, data={**said, "csrf": csrf(approver)})
        assert answer.status_code == 303
        page = approver.get("/slos/payment-success", headers={"Accept": "text/html"}).text
        assert "What counts" in page
        assert service.slo()["counts"]["bad"] == 0
        # The other stories of this file need the failures to count.
        words = ("withdraw", correction_id, "--reason", "the release went back")
        assert say(service, maintenance.approver, *words)[0] == 0
        assert service.slo()["counts"]["bad"] == 40


def log_in(service: RunningService, token: str) -> httpx2.Client:
    client = httpx2.Client(base_url=service.url, trust_env=False, timeout=30)
    answer = client.post("/login", data={"token": token, "next": "/"})
    assert answer.status_code == 303, answer.text
    return client


def csrf(client: httpx2.Client) -> str:
    page = client.get("/", headers={"Accept": "text/html"}).text
    return str(re.search(r'name="csrf" value="([^"]+)"', page)[1])
