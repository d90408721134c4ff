"""A sender reconciles: today as it stands, closed days signed, checked with the public key."""

from __future__ import annotations

from pathlib import Path

import httpx2

from kernel.clock import DAY_US, FrozenClock, SystemClock, from_us
from kernel.journal import Append, Item, ItemClass, JournalWriter, Stream
from kernel.shop_event import ShopEvent, encode_event, event_key
from tests.journeys.running import command, running, until
from tests.journeys.shop import payment

ENDED_US = SystemClock().now_us() - 3 * DAY_US
ENDED = from_us(ENDED_US).date().isoformat()


def leave_a_day_behind(data_dir: Path) -> None:
    """What a service wrote that was stopped three days ago."""
    writer = JournalWriter(data_dir / "journal.db", FrozenClock(ENDED_US))
    events = [
        ShopEvent(id=name, source="web", type="payment.attempted", time_us=ENDED_US)
        for name in ("a", "b")
    ]
    append = Append(
        Stream.SHOP,
        "web",
        "shop.events",
        [Item(encode_event(one), event_key(one.source, one.id)) for one in events],
        rejected=[{"index": 2, "reason": "no type"}],
        sender="till",
        item_class=ItemClass.MONEY,
    )
    assert writer.append(append).result(30).accepted == 2
    writer.close()


def test_a_sender_reconciles_its_days(tmp_path):
    folder = tmp_path / "data"
    leave_a_day_behind(folder)
    with running(tmp_path) as service:
        day = {"day": ENDED}
        till = service.token_for("till", "ingest", machine=True)
        with httpx2.Client(
            base_url=service.url, headers={"Authorization": f"Bearer {till}"}, trust_env=False
        ) as http:
            sent = http.post("/api/events", json=[payment("p1"), payment("p1"), {"type": "x"}])
            assert sent.status_code == 202
            service.send([payment("p2")])
            today = http.get("/api/counts").json()
            assert today["state"] == "open"
            assert [row["sender"] for row in today["counts"]] == ["till"] * len(today["counts"])
            assert sum(row["stored"] for row in today["counts"]) == 1
            assert sum(row["duplicate"] for row in today["counts"]) == 1
            assert sum(row["rejected"] for row in today["counts"]) == 1
            until(
                lambda: http.get("/api/counts", params=day).json()["state"] == "signed",
                "the day is signed",
            )
            signed = http.get("/api/counts", params=day).json()
            assert signed["counts"][0]["stored"] == 2
            text = http.get("/metrics").text
            assert 'tillwatch_collector_items_total{role="door",' in text
        where = ["--url", service.url, "--data-dir", str(folder)]
        saved = tmp_path / "saved"
        code, document = command(["event", "counts", "--day", ENDED, "--save", str(saved), *where])
        assert (code, document["state"]) == (0, "signed")
        (file,) = saved.iterdir()
        key = ["--vkey", str(folder / "audit.vkey")]
        code, document = command(["event", "verify", str(file), *key])
        assert (code, document["result"], document["sender"]) == (0, "verified", "till")
        file.write_text(file.read_text().replace('"rejected":1', '"rejected":0'))
        assert command(["event", "verify", str(file), *key])[0] == 1
        record = signed["statements"][0]["record"]
        assert record in {one["id"] for one in service.audit(type="count.closed")}
    assert command(["audit", "verify", "--data-dir", str(folder)])[1]["result"] == "verified"
