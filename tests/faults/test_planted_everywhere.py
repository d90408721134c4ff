"""Secrets of every kind and cards of every brand in every field of every input: none is found.

A real service takes all of it. Then all files that it wrote are searched (journal, telemetry, the
database, their logs, what it said), and so is what it answers to readers. A text that nobody masks
proves in the same run that what is planted does reach the files and that the search finds it there.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from collector.otlp.signals import SIGNALS
from tests.faults.cards import cards, spellings
from tests.faults.inputs import Senders, alert_post, post_json
from tests.faults.planted_inputs import ENVIRONMENT, INPUTS, export, flag_files
from tests.faults.planting import SEED, Canary, Deal
from tests.faults.searching import Search
from tests.faults.secrets import KINDS, secrets
from tests.journeys.running import ENTRY, RunningService, until
from tests.journeys.shop import now_us, payment

READ = (
    "/metrics", "/readyz", "/api/slos", "/api/changes?since=1d&limit=10000",
    "/api/events?since=1d&limit=10000", "/api/deadletters?limit=1000", "/api/incidents?limit=200",
    "/api/limits", "/api/webhooks?since=1d&limit=200", "/api/alerts/health", "/api/audit?limit=500",
    "/api/approvals", "/", "/incidents", "/deadletters", "/audit", "/runbooks", "/glossary",
)  # fmt: skip
# After so many turns each card was everywhere in each spelling, and each secret in each frame.
SPELLINGS = len(list(spellings("4111111111111111")))


class Planting:
    """One service, everything planted in it, and what it says of it afterwards."""

    def __init__(self, folder: Path, entry: tuple[str, ...] = ENTRY) -> None:
        self.folder = folder / "written"
        self._flags = folder / "flags.json"
        environment = {
            **ENVIRONMENT,
            "TILLWATCH_FLAGD_FILES": f"payments={self._flags}",
            "TILLWATCH_FLAGD_POLL_S": "0.2",
        }
        self.service = RunningService(self.folder, environment, entry)
        self.answers: dict[str, Counter[str]] = {}

    def send(self, start: int = 0) -> None:
        """All inputs, each filled with everything; and a canary in each.

        `start`: another one brings other frames and spellings.
        """
        with self.service:
            senders = Senders(self.service)
            try:
                self._send_all(senders, start)
                self._watched_file()
                self._settle(senders)
                self._read(senders)
            finally:
                senders.close()

    def found(self, needles: set[str]) -> dict[str, set[str]]:
        """Where they are."""
        return Search(needles).below(self.folder)

    def canaries(self) -> set[str]:
        """One for each input."""
        return {canary_of(name) for name in (*INPUTS, *(f"grpc {one.name}" for one in SIGNALS))}

    def _send_all(self, senders: Senders, start: int) -> None:
        for place, (name, make) in enumerate(INPUTS.items()):
            counts = self.answers.setdefault(name, Counter())
            for deal in (Deal(start + place), Canary(canary_of(name))):
                for message in make(deal):
                    counts[senders.post(message).status] += 1
        for place, signal in enumerate(SIGNALS):
            counts = self.answers.setdefault(f"grpc {signal.name}", Counter())
            for deal in (
                Deal(start + len(INPUTS) + place),
                Canary(canary_of(f"grpc {signal.name}")),
            ):
                body = export(signal, deal).SerializeToString()
                counts[senders.call(signal, body).status] += 1

    def _watched_file(self) -> None:
        """The service looks at it by itself; half of a file is malformed and is said to be."""
        deal = Deal(99)
        for number, document in enumerate(flag_files(deal)):
            text = json.dumps(document)
            self._flags.write_text(text[: len(text) // 2] if number % 5 == 4 else text)
            before = self._looked()
            if number < 6:
                until(lambda before=before: self._looked() != before, "the flag file is read")

    def _looked(self) -> str:
        watched = self.service.client.get("/api/changes")["watched"]
        return "".join(one["tried_at"] or "" for one in watched)

    def _settle(self, senders: Senders) -> None:
        """All of it was worked on once the last event and the last alert are."""
        self.service.send([payment("planted-last", at_us=now_us())])
        senders.post(post_json("/webhooks/alertmanager", alert_post("PlantedLast")))
        read = self.service.client.get

        def told() -> bool:
            found = read("/api/events", since="1h", limit=50)["events"]
            return any(one.get("payment_id") == "planted-last" for one in found)

        def alerted() -> bool:
            lines = read("/api/incidents", limit=200)["incidents"]
            return any(
                alert["labels"].get("alertname") == "PlantedLast"
                for line in lines
                for alert in read(f"/api/incidents/{line['id']}")["alerts"]
            )

        until(told, "the last event is found by query", 120)
        until(alerted, "the last alert is in an incident", 120)

    def _read(self, senders: Senders) -> None:
        """What it answers to readers is searched like a file."""
        with self.service.http() as http:
            incidents = http.get("/api/incidents?limit=200").json()["incidents"]
            letters = http.get("/api/deadletters?limit=40").json()["deadletters"]
            paths = [*READ, *(f"/api/deadletters/{one['id']}" for one in letters)]
            for one in incidents[:10]:
                paths += [f"/api/incidents/{one['id']}", f"/incidents/{one['id']}"]
                paths.append(f"/api/incidents/{one['id']}/timeline")
            said = []
            for path in paths:
                answer = http.get(path)
                assert answer.status_code == 200, (path, answer.text)
                said.append(answer.text)
        (self.folder / "answers.txt").write_text("\n".join(said))


def canary_of(name: str) -> str:
    """A text that is not masked and stands nowhere else."""
    return "canary." + "".join(char for char in name if char.isalpha())


# What keeps nothing of what it is sent, by design: refused whole, or only measured.
MEASURED = {
    "events, unreadable", "changes, unreadable", "slack, unreadable", "webhooks, forged",
    "addresses",
}  # fmt: skip


@pytest.fixture(scope="module")
def planting(tmp_path_factory) -> Planting:
    found = Planting(tmp_path_factory.mktemp("planted"))
    found.send()
    return found


@pytest.mark.timeout(300)
def test_every_input_takes_what_is_planted_and_none_breaks(planting):
    assert len(KINDS) >= 27
    for name, counts in planting.answers.items():
        assert not {one for one in counts if one.startswith("5")}, (name, counts)
        assert {"200", "202", "OK"} & counts.keys() or name in MEASURED, (name, counts)
    log = planting.service.log.read_text()
    assert "unexpected_error" not in log
    assert "part_failed" not in log


def test_no_planted_secret_and_no_card_is_found_in_any_file(planting):
    found = planting.found(Deal().needles())
    assert {place: sorted(needles)[:5] for place, needles in found.items()} == {}


def test_what_nobody_masks_is_found_in_the_files(planting):
    found = set().union(*planting.found(planting.canaries()).values())
    assert found >= {canary_of(name) for name in planting.answers if name not in MEASURED}


# A service that masks nothing: whatever is planted has to be found.
OPEN_DOOR = """
import sys
from collector.otlp import redact
from collector.redaction.keys import KeyClass
from collector.redaction.redactor import Redactor
from triage import byte_redaction

Redactor.text = lambda self, text, *, identifier=False: text
Redactor.value = lambda self, key, value: value
Redactor.key = lambda self, key: (KeyClass.PLAIN, key)
Redactor.document = lambda self, document: document
Redactor.identity = lambda self, raw: raw
redact.classify = lambda key: KeyClass.PLAIN
byte_redaction.redact = lambda body: body
from app.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_service_that_masks_nothing_is_found_out_in_every_kind_and_card(tmp_path):
    open_door = Planting(tmp_path, ("-c", OPEN_DOOR))
    open_door.send()
    found = set().union(*open_door.found(Deal().needles()).values())
    for secret in secrets(random.Random(SEED)):
        assert found & set(secret.parts), secret
    for card in cards(random.Random(SEED + 1)):
        assert card in found


@pytest.mark.faults
@pytest.mark.timeout(3_000)
def test_nothing_is_found_in_any_frame_and_any_spelling(tmp_path, say):
    needles = Deal().needles()
    sent: Counter[str] = Counter()
    for start in range(SPELLINGS):
        turned = Planting(tmp_path / str(start))
        turned.send(start)
        assert turned.found(needles) == {}, start
        for counts in turned.answers.values():
            sent += counts
    say(f"planted everywhere, {SPELLINGS} times: {dict(sent)}; none of {len(needles)} parts found")
