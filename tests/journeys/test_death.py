"""kill -9 under load: everything that was acknowledged is there exactly once, and nobody is left.

Each message of the load is sent until it is acknowledged, and then once more. The figures are
printed.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journeys.loading import SECRETS, Account, Load
from tests.journeys.running import ENTRY, RunningService, running, runs, until
from tests.journeys.shop import now_us, payment


def counts(service: RunningService) -> dict[str, int]:
    found = service.slo()["counts"]
    return {name: found[name] for name in ("good", "bad", "excluded")}


def installation(folder: Path, *entry: str) -> RunningService:
    """One that Stripe may call. `entry`: what Python runs in the place of the service."""
    environment = {"TILLWATCH_WEBHOOK_SECRETS": SECRETS}
    return RunningService(folder, environment, entry or ENTRY)


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
    """Kill them in this order under load, and account for everything afterwards."""
    rng = random.Random(len(victims))
    with service:
        load = Load(service, pace_s=0.02)
        load.start()
        for what in victims:
            # A moment of its own: in any of the messages of a round, not at its end.
            goal, moment_s = load.rounds + rng.randrange(2, 7), rng.uniform(0, 0.3)
            until(lambda goal=goal: load.rounds >= goal, "rounds go through")
            threading.Event().wait(moment_s)
            kill(service, what)
        goal = load.rounds + 3
        until(lambda: load.rounds >= goal, "rounds go through again")
        load.close()
        assert load.faults == []
        expected = load.expected()
        until(lambda: counts(service)["good"] >= expected["good"], "all is counted", patience_s)
        # A late second counting would show after something that was sent later is counted.
        service.send([payment("pay-last", at_us=now_us())])
        expected["good"] += 1
        until(lambda: counts(service)["good"] >= expected["good"], "the last one is counted")
        assert counts(service) == expected, service.tail()
        told = check_account(service, load)
        say(
            f"kill -9 x {len(victims)} ({dict(Counter(victims))}): {told};"
            f" each sent twice or more, {load.retries} requests failed on the way;"
            f" counted {expected}"
        )


def check_account(service: RunningService, load: Load) -> str:
    """Everything that was acknowledged is found in each place, once; the figures as text."""
    account = Account(service, load)
    payments, exports, alerts = load.payments() | {"pay-last"}, set(load.exports), set(load.alerts)
    until(lambda: len(account.payments()) >= len(payments), "all payments are found by query")
    until(lambda: len(account.rows()) >= len(exports), "all telemetry is found")
    until(lambda: len(account.alerts()) >= len(alerts), "all alerts are found by query")
    journal, faults = account.journal()
    assert faults == []
    places = {
        "payments (ten of twelve by events, one by a span, one by a webhook)": (
            payments,
            account.payments(),
        ),
        "exports in the journal": (exports, journal),
        "spans, log records and points in the telemetry store": (exports, account.rows()),
        "alerts": (alerts, account.alerts()),
    }
    figures = []
    for name, (acknowledged, found) in places.items():
        lost = acknowledged - found.keys()
        doubled = {one for one, times in found.items() if times != 1}
        assert (lost, doubled, found.keys() - acknowledged) == (set(), set(), set()), name
        figures.append(
            f"{name}: acknowledged {len(acknowledged)}, stored {found.total()},"
            f" lost {len(lost)}, doubled {len(doubled)}"
        )
    # Half of them hold something to mask, and clean metrics in JSON become protobuf.
    assert account.as_it_came > len(exports) // 3
    figures.append(f"{account.as_it_came} exports byte for byte as they came")
    return "; ".join(figures)


@pytest.fixture
def say(capsys) -> Callable[[str], None]:
    """Print past pytest's capture: the figures belong into the log."""

    def aloud(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return aloud


@pytest.mark.timeout(300)
def test_every_acknowledged_event_counts_once_across_four_deaths(tmp_path, say):
    check_survives(installation(tmp_path), ["engine", "door", "both", "door"], say)


@pytest.mark.faults
@pytest.mark.timeout(3_600)
def test_every_acknowledged_event_counts_once_across_a_hundred_deaths(tmp_path, say):
    victims = ["door", "engine", "both"] * 33 + ["door"]
    random.Random(20).shuffle(victims)
    check_survives(installation(tmp_path), victims, say, patience_s=300)


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
    early = installation(tmp_path, "-c", EARLY_DOOR)
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
