"""Days are closed once, when they cannot change any more, and senders see their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from app.cli import run
from app.errors import install_error_mapping
from audit.log import AuditLog
from audit.sequencer import AuditSequencer
from audit.settings import AuditSettings
from audit.verify import verify
from collector.counts import statement
from collector.counts.closing import GRACE_US, DayCloser, day_name
from collector.counts.endpoints import build_router
from collector.counts.service import CountService
from kernel.clock import DAY_US, SECOND_US, FrozenClock
from kernel.database import Database
from kernel.journal import Append, Item, ItemClass, JournalReader, JournalWriter, Stream
from tests.collector.world import TokenTable

DAY_ONE_US = 20_000 * DAY_US
NOON_US = DAY_ONE_US + DAY_US // 2
WAIT_S = 30


class Installation:
    """A journal, a control database with its audit log, and the closer of days."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = FrozenClock(NOON_US)
        self.settings = AuditSettings(data_dir=folder)
        self.database = Database(f"sqlite:///{folder / 'control.db'}")
        self.database.create_all()
        self.start()

    def start(self) -> None:
        """What a restart makes anew."""
        self.log = AuditLog(self.database, self.clock, self.settings)
        self.sequencer = AuditSequencer(self.database, self.log, self.clock)
        self.writer = JournalWriter(self.folder / "journal.db", self.clock)
        self.reader = JournalReader(self.folder / "journal.db")
        self.closer = DayCloser(self.database, self.log, self.reader)

    def stop(self) -> None:
        self.writer.close()
        self.reader.close()

    def put(self, *names: str, sender: str = "shop", rejected: int = 0) -> None:
        append = Append(
            Stream.SHOP,
            "web",
            "json",
            [Item(json.dumps(name).encode(), name.encode()) for name in names],
            rejected=[{"index": n, "reason": "bad"} for n in range(rejected)],
            sender=sender,
            item_class=ItemClass.MONEY,
        )
        self.writer.append(append).result(WAIT_S)

    def advance(self, us: int) -> None:
        """Time passes and the door says so."""
        self.clock.set_us(self.clock.now_us() + us)
        self.writer.trim(0).result(WAIT_S)

    def service(self) -> CountService:
        return CountService(self.database, self.log, self.folder / "journal.db", self.clock)

    def day(self, number: int = 0, **only: str) -> dict:
        return self.service().show(day=day_name(DAY_ONE_US + number * DAY_US), **only)

    def records(self) -> list:
        return self.log.entries(type="count.closed")

    def client(self, token: str) -> TestClient:
        app = FastAPI()
        install_error_mapping(app, self.clock)
        app.include_router(build_router(self.service(), TokenTable()))
        return TestClient(app, headers={"Authorization": f"Bearer {token}"})


@pytest.fixture
def shop(tmp_path):
    made = Installation(tmp_path)
    yield made
    made.stop()
    made.database.close()


def stored(document: dict) -> list[int]:
    return [row["stored"] for row in document["counts"]]


def test_today_is_counted_and_not_signed(shop):
    shop.put("a", "b")
    shop.closer.run()
    today = shop.day()
    assert (today["state"], stored(today)) == ("open", [2])
    assert "statements" not in today
    assert shop.records() == []


def test_a_day_is_closed_only_after_its_grace(shop):
    shop.put("a")
    shop.advance(DAY_ONE_US + DAY_US + GRACE_US - 1 - NOON_US)
    shop.closer.run()
    assert shop.day()["state"] == "closing"
    shop.advance(1)
    shop.closer.run()
    assert shop.day()["state"] == "signed"


def test_a_closed_day_is_signed_for_each_sender_and_recorded(shop):
    shop.put("a", "b", rejected=2)
    shop.put("a", sender="other")
    shop.advance(2 * DAY_US)
    shop.closer.run()
    document = shop.day()
    assert [(s["sender"], len(s["note"]) > 0) for s in document["statements"]] == [
        ("other", True),
        ("shop", True),
    ]
    key = shop.log.vkey
    said = [statement.read(s["note"].encode(), key) for s in document["statements"]]
    assert [one["counts"][0]["stored"] for one in said] == [0, 2]
    records = {record.id: record.data for record in shop.records()}
    ours = records[document["statements"][1]["record"]]
    assert (ours["day"], ours["stored"], ours["rejected"], ours["duplicate"]) == (
        day_name(DAY_ONE_US),
        2,
        2,
        0,
    )
    assert "shop" not in json.dumps(list(records.values()))


def test_the_record_of_a_count_is_proven_by_a_signed_checkpoint(shop):
    shop.put("a")
    shop.advance(2 * DAY_US)
    shop.closer.run()
    while shop.sequencer.step():
        pass
    record = shop.day()["statements"][0]["record"]
    proof = shop.log.proof(record)
    assert proof.record["type"] == "count.closed"
    assert verify(shop.database, shop.log.vkey, shop.settings.checkpoint_path).good


def test_a_day_is_closed_once_whatever_restarts_and_runs(shop):
    shop.put("a")
    shop.advance(2 * DAY_US)
    shop.closer.run()
    first = shop.day()["statements"]
    shop.closer.run()
    shop.stop()
    shop.start()
    shop.closer.run()
    assert shop.day()["statements"] == first
    assert len(shop.records()) == 1


def test_a_crash_while_closing_leaves_nothing_and_is_made_good(shop, monkeypatch):
    shop.put("a")
    shop.put("b", sender="other")
    shop.advance(2 * DAY_US)
    real, calls = shop.log.record, []

    def dying(session, entry):
        calls.append(entry)
        if len(calls) == 2:
            raise OSError("the machine went away")
        return real(session, entry)

    monkeypatch.setattr(shop.log, "record", dying)
    with pytest.raises(OSError, match="went away"):
        shop.closer.run()
    assert shop.records() == []
    monkeypatch.undo()
    shop.closer.run()
    assert len(shop.records()) == len(shop.day()["statements"]) == 2


def test_an_installation_that_was_off_for_days_closes_those_it_saw(shop):
    shop.put("a")
    shop.stop()
    shop.clock.advance_s(5 * 86_400)
    shop.start()
    shop.put("b")
    shop.closer.run()
    assert [shop.day(number)["state"] for number in range(6)] == [
        "signed",
        *["nothing"] * 4,
        "open",
    ]
    shop.advance(DAY_US)
    shop.closer.run()
    assert stored(shop.day(5)) == [1]
    assert shop.day(5)["state"] == "signed"


def test_a_clock_that_jumps_back_changes_no_signed_day(shop):
    shop.put("a")
    shop.advance(2 * DAY_US)
    shop.closer.run()
    signed = shop.day()
    shop.clock.set_us(NOON_US)
    shop.put("b")
    shop.closer.run()
    assert shop.day() == signed
    ahead = shop.service().show(day=day_name(DAY_ONE_US + 2 * DAY_US))
    assert stored(ahead) == [1], "receive times never fall: it was counted where the tick is"


def test_a_day_is_not_closed_before_the_door_has_said_that_it_is_over(shop):
    shop.put("a")
    shop.writer.close()
    shop.clock.advance_s(2 * 86_400)
    shop.closer.run()
    assert shop.day()["state"] == "closing"
    shop.start()
    shop.closer.run()
    assert shop.day()["state"] == "signed"


def test_a_count_that_was_changed_in_the_database_is_not_told(shop):
    shop.put("a")
    shop.advance(2 * DAY_US)
    shop.closer.run()
    with shop.database.unit_of_work() as session:
        session.execute(
            text("UPDATE audit_payload SET bytes = CAST(replace(bytes, :old, :new) AS BLOB)"),
            {"old": '"stored":1', "new": '"stored":2'},
        )
    answer = shop.client("viewer-token").get("/api/counts", params={"day": day_name(DAY_ONE_US)})
    assert answer.status_code == 500
    assert answer.json()["code"] == "audit_proof_failed"


def test_senders_see_their_own_and_readers_all(shop):
    shop.put("a")
    shop.put("b", "c", sender="other")
    day = {"day": day_name(DAY_ONE_US)}
    for _ in ("open", "signed"):
        own = shop.client("shop-token").get("/api/counts", params={**day, "sender": "other"})
        assert [row["sender"] for row in own.json()["counts"]] == ["shop"]
        everything = shop.client("viewer-token").get("/api/counts", params=day).json()
        assert stored(everything) == [2, 1]
        shop.advance(2 * DAY_US)
        shop.closer.run()
    assert [s["sender"] for s in own.json().get("statements", [])] in ([], ["shop"])
    assert shop.client("nobody").get("/api/counts").status_code == 401


def test_counts_are_narrowed_by_source_and_a_bad_day_is_refused(shop):
    shop.put("a")
    client = shop.client("viewer-token")
    assert stored(client.get("/api/counts", params={"source": "web"}).json()) == [1]
    assert stored(client.get("/api/counts", params={"source": "app"}).json()) == []
    for day in ("yesterday", "2026-13-01", "2026-11-24T00:00:00Z", "0"):
        answer = client.get("/api/counts", params={"day": day})
        assert (answer.status_code, answer.json()["path"]) == (400, "day")


def test_the_command_verifies_a_saved_count_and_finds_a_change(shop, tmp_path, capsys):
    shop.put("a")
    shop.advance(2 * DAY_US)
    shop.closer.run()
    good, bad = tmp_path / "good.count", tmp_path / "bad.count"
    note = shop.day()["statements"][0]["note"]
    good.write_text(note)
    bad.write_text(note.replace('"stored":1', '"stored":9'))
    vkey = ["--vkey", str(tmp_path / "audit.vkey"), "--json"]
    assert run(["event", "verify", str(good), *vkey]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == "verified"
    assert run(["event", "verify", str(bad), *vkey]) == 1
    assert json.loads(capsys.readouterr().out)["result"] == "not_signed"
    assert run(["event", "verify", str(tmp_path / "none"), *vkey]) == 2


def test_the_seconds_of_the_clock_are_those_of_the_day(shop):
    """The last second of a day belongs to it, the next one to the next."""
    shop.clock.set_us(DAY_ONE_US + DAY_US - SECOND_US)
    shop.put("a")
    shop.clock.advance_s(1)
    shop.put("b")
    assert stored(shop.day(0)) == stored(shop.day(1)) == [1]
