"""kill -9 under load: every acknowledged event counts exactly once, and nobody is left behind.

Each batch is sent until it is acknowledged, and then once more; so is an OTLP export with each,
whose span tells of a payment that nothing else tells of. The figures are printed.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from kernel.api_client import ApiClient
from kernel.errors import Unavailable, Unreachable
from tests.journeys.running import RunningService, running, runs, until
from tests.journeys.shop import now_us, payment, span_export

BATCH = 10
# Of ten attempts: eight good, one failed, one declined.
OUTCOMES = ("succeeded",) * 8 + ("failed", "declined")
COUNTED_AS = {"succeeded": "good", "failed": "bad", "declined": "excluded"}


class Till(threading.Thread):
    """A shop that never gives up on a batch and sends each of them twice."""

    def __init__(self, service: RunningService, pace_s: float) -> None:
        super().__init__(name="till", daemon=True)
        self._pace_s = pace_s
        self._client = ApiClient(service.url, service.token, timeout_s=10)
        asked = {"Authorization": f"Bearer {service.token}"}
        self._otlp = httpx2.Client(
            base_url=service.otlp_url, headers=asked, timeout=10, trust_env=False
        )
        self._closing = threading.Event()
        self.acknowledged: list[list[dict[str, Any]]] = []
        self.retries = 0
        self.faults: list[str] = []

    def run(self) -> None:
        while not self._closing.is_set():
            batch = self._batch(len(self.acknowledged))
            first, second = self._sent(batch), self._sent(batch)
            if first["accepted"] + first["duplicates"] != BATCH:
                self.faults.append(f"not all taken: {first}")
            if (second["accepted"], second["duplicates"]) != (0, BATCH):
                self.faults.append(f"an acknowledged batch was taken again: {second}")
            export = self._export(len(self.acknowledged))
            self._exported(export)
            self._exported(export)
            self.acknowledged.append(batch)
            self._closing.wait(self._pace_s)

    def close(self) -> None:
        """End after the batch in hand."""
        self._closing.set()
        self.join(timeout=90)
        assert not self.is_alive()
        self._client.close()
        self._otlp.close()

    def payments(self) -> set[str]:
        """The ids of all payments that were acknowledged."""
        told = {one["data"]["payment_id"] for batch in self.acknowledged for one in batch}
        return told | {f"pay-{number}-span" for number in range(len(self.acknowledged))}

    def expected(self) -> dict[str, int]:
        """What the ledger has to say in the end."""
        batches = len(self.acknowledged)
        found = {name: batches * OUTCOMES.count(outcome) for outcome, name in COUNTED_AS.items()}
        found["good"] += batches  # the spans
        return found

    def _sent(self, batch: list[dict[str, Any]]) -> dict[str, Any]:
        while True:
            try:
                return dict(self._client.post("/api/events", batch))
            except (Unreachable, Unavailable):
                self.retries += 1
                threading.Event().wait(0.05)

    def _exported(self, export: dict[str, Any]) -> None:
        while True:
            try:
                answer = self._otlp.post("/v1/traces", json=export)
                if answer.status_code == 200:
                    self.faults += [] if answer.json() == {} else [answer.text]
                    return
            except httpx2.TransportError:
                pass
            self.retries += 1
            threading.Event().wait(0.05)

    @staticmethod
    def _export(number: int) -> dict[str, Any]:
        attributes = {
            "tillwatch.payment_id": f"pay-{number}-span",
            "tillwatch.checkout_id": f"co-{number}-span",
            "tillwatch.provider": "stripe",
        }
        return span_export(f"{number + 1:016x}" * 2, attributes, now_us())

    @staticmethod
    def _batch(number: int) -> list[dict[str, Any]]:
        """Payments through stripe or adyen, all of this moment."""
        at_us = now_us()
        return [
            payment(
                f"pay-{number}-{place}",
                outcome,
                at_us=at_us,
                provider="adyen" if place % 2 else "stripe",
            )
            for place, outcome in enumerate(OUTCOMES)
        ]


def counts(service: RunningService) -> dict[str, int]:
    found = service.slo()["counts"]
    return {name: found[name] for name in ("good", "bad", "excluded")}


def stored(service: RunningService) -> Counter[str]:
    """How often each payment is found by query."""
    found: Counter[str] = Counter()
    for kind in ("payment.succeeded", "payment.failed"):
        page = service.client.get("/api/events", type=kind, since="1d", limit=10_000)["events"]
        assert len(page) < 10_000, "too many events for one page: send fewer"
        found.update(one["payment_id"] for one in page)
    return found


def kill(service: RunningService, what: str) -> None:
    """Kill -9 of door, engine or both; afterwards all of it runs again."""
    {"door": service.kill_door, "engine": service.kill_engine, "both": service.kill_both}[what]()
    if what != "engine":
        service.spawn()
    service.wait_until_ready()


def check_survives(
    service: RunningService,
    victims: list[str],
    say: Callable[[str], None],
    *,
    patience_s: float = 90,
) -> None:
    """Kill them in this order under load, and account for every event afterwards."""
    rng = random.Random(len(victims))
    with service:
        # One page of the query holds 10,000: long runs go slower.
        till = Till(service, 0.02 if len(victims) < 10 else 0.08)
        till.start()
        for what in victims:
            goal = len(till.acknowledged) + rng.randrange(3, 12)
            until(lambda goal=goal: len(till.acknowledged) >= goal, "batches go through")
            kill(service, what)
        goal = len(till.acknowledged) + 5
        until(lambda: len(till.acknowledged) >= goal, "batches go through again")
        till.close()
        assert till.faults == []
        expected = till.expected()
        until(lambda: counts(service)["good"] >= expected["good"], "all is counted", patience_s)
        # A late second counting would show after something that was sent later is counted.
        service.send([payment("pay-last", at_us=now_us())])
        expected["good"] += 1
        until(lambda: counts(service)["good"] >= expected["good"], "the last one is counted")
        assert counts(service) == expected, service.tail()
        sent = till.payments() | {"pay-last"}
        until(lambda: len(stored(service)) >= len(sent), "all is found by query")
        found = stored(service)
        assert set(found) == sent
        assert {name: times for name, times in found.items() if times != 1} == {}
        say(
            f"kill -9 x {len(victims)} ({', '.join(victims)}): {len(sent)} payments acknowledged"
            f" (every eleventh by a span), each sent twice or more;"
            f" {till.retries} requests failed on the way; counted {expected}, lost 0, doubled 0"
        )


@pytest.fixture
def say(capsys) -> Callable[[str], None]:
    """Print past pytest's capture: the figures belong into the log."""

    def aloud(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return aloud


@pytest.mark.timeout(300)
def test_every_acknowledged_event_counts_once_across_four_deaths(tmp_path, say):
    check_survives(RunningService(tmp_path), ["engine", "door", "both", "door"], say)


@pytest.mark.faults
@pytest.mark.timeout(1_200)
def test_every_acknowledged_event_counts_once_across_twenty_deaths(tmp_path, say):
    victims = ["door", "engine", "both"] * 6 + ["door", "both"]
    random.Random(20).shuffle(victims)
    check_survives(RunningService(tmp_path), victims, say)


# A planted fault: the door acknowledges at once and writes most of a second later.
EARLY_DOOR = """
import sys, threading
from concurrent.futures import Future
from kernel.journal import JournalWriter
from kernel.journal.records import Appended

write, known = JournalWriter.append, set()

def append(self, told):
    keys = [item.key for item in told.items]
    repeated = tuple(index for index, key in enumerate(keys) if key in known)
    known.update(keys)
    threading.Timer(0.7, write, (self, told)).start()
    done = Future()
    done.set_result(Appended("early", 1, len(keys) - len(repeated), repeated))
    return done

JournalWriter.append = append
from app.cli import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.faults
@pytest.mark.timeout(300)
def test_a_door_that_acknowledges_before_the_disk_is_found_out(tmp_path, say):
    early = RunningService(tmp_path, entry=("-c", EARLY_DOOR))
    with pytest.raises(AssertionError, match="all is counted"):
        check_survives(early, ["door", "both"], say, patience_s=20)


def test_a_killed_door_leaves_no_engine_behind(tmp_path):
    with running(tmp_path) as service:
        engine = service.engine_pid()
        assert engine is not None
        service.kill_door()
        until(lambda: not runs(engine), "the engine ends by itself", 30)
        service.start()
        assert service.engine_pid() not in {None, engine}
        assert service.stop() == 0
        until(lambda: service.engine_pid() is None, "no engine is left")


def test_a_second_service_on_the_same_folder_is_refused(tmp_path):
    with running(tmp_path) as service:
        second = RunningService(tmp_path)
        second.log = tmp_path / "second.log"
        second.spawn()
        assert second.wait() != 0
        assert "already uses" in second.tail()
        assert service.client.get("/readyz")["ready"]
