"""Units that were counted a moment ago are remembered: that must never show in what is counted."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US
from kernel.journal import JournalRecord, Stream
from kernel.shop_event import Origin, ShopEvent
from slo.ledger.recent import RecentUnits
from slo.ledger.retention import UNITS_US
from slo.objective import UnitKind
from tests.slo.ledger.till import Till, checkouts, event, latencies, payments, record

_TABLES = ("cell", "revision", "unit", "bad", "pulse", "presence", "heard", "volume", "mark")
_TYPES = (
    "payment.attempted",
    "payment.succeeded",
    "payment.failed",
    "payment.authorized",
    "payment.expired",
    "checkout.started",
    "checkout.completed",
)


def _shop(rng: random.Random, size: int) -> Iterator[ShopEvent]:
    for number in range(size):
        yield event(
            rng.choice(_TYPES),
            rng.randrange(-900, 900),
            rng.choice(["", *(f"p{place}" for place in range(8))]),
            id=str(number),
            source=rng.choice(["shop", "shop", "till"]),
            origin=rng.choice(list(Origin)),
            checkout_id=rng.choice(["", "c1", "c2"]),
            provider=rng.choice(["", "stripe", "adyen"]),
            decline_class=rng.choice(["", "issuer", "technical"]),
            amount_minor=rng.choice([None, 100, 2000]),
            latency_ms=rng.choice([None, 5.0, 900.0]),
            attributes=rng.choice([{}, {"tier": "gold"}]),
        )


def _arrivals(rng: random.Random) -> list[JournalRecord]:
    """Records with repeats and changed messages; some come days after the one before."""
    events = list(_shop(rng, 60))
    told = events + rng.choices(events, k=20) + [e for e in _shop(rng, 60) if rng.random() < 0.2]
    rng.shuffle(told)
    records, received_s, position = [], 1_000.0, 0
    while told:
        size, position = rng.randrange(1, 9), position + 1
        received_s += rng.choice([1, 20, 90, 4 * 86_400, 8 * 86_400] if position % 3 else [1])
        records.append(record(position, told[:size], received_s))
        del told[:size]
    return records


class _PowerCut(Exception):
    pass


def _fail_once(till: Till, arrival: JournalRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction is rolled back when all of it was counted and written."""

    def cut(*_: object) -> None:
        raise _PowerCut

    with monkeypatch.context() as patch:
        patch.setattr(till.writer, "_move", cut)
        with pytest.raises(_PowerCut):
            till.writer.apply(Stream.SHOP, [arrival])


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 100_000), most_bytes=st.sampled_from([0, 500, 2_000, 10**6]))
def test_what_is_remembered_agrees_with_what_is_read(
    tmp_path_factory, monkeypatch, seed, most_bytes
):
    rng = random.Random(seed)
    objectives = [payments(), latencies(), checkouts()]
    remembers, reads = (Till(tmp_path_factory.mktemp("recent"), objectives) for _ in range(2))
    remembers.writer._recent._most_bytes = most_bytes
    arrivals = _arrivals(rng)
    for number, arrival in enumerate(arrivals):
        if rng.random() < 0.1:
            # Something else than what then comes: nothing of it may stay in memory.
            _fail_once(remembers, rng.choice(arrivals[number:]), monkeypatch)
        remembers.writer.apply(Stream.SHOP, [arrival])
        reads.writer._recent.forget()
        reads.writer.apply(Stream.SHOP, [arrival])
    for table in _TABLES:
        assert remembers.table(table) == reads.table(table), table
    for till in (remembers, reads):
        till.close()


def test_units_lie_in_the_order_of_the_hour_in_which_they_were_last_heard_of(till):
    rng = random.Random(3)
    for number in range(200):
        named = [f"p{rng.randrange(60)}" for _ in range(6)]
        told = [event("attempted", 0, one, id=f"{number}/{one}") for one in named]
        till.take(*told, received_s=number * 1_000)
        if number % 7 == 0:
            till.writer._recent.forget()
    rows = till.writer.connection().execute("SELECT touched_hour FROM unit ORDER BY rowid")
    hours = [hour for (hour,) in rows]
    assert hours == sorted(hours)
    assert len(hours) == 60
    assert len(set(hours)) > 2


def test_units_that_the_file_may_have_dropped_are_asked_for_again(till):
    recent: RecentUnits = till.writer._recent
    till.take(event("attempted", 0))
    at_us = till.clock.now_us()
    assert recent.find(UnitKind.PAYMENT, ["=p1"], at_us).keys() == {"=p1"}
    assert not recent.find(UnitKind.PAYMENT, ["=p1"], at_us + UNITS_US + HOUR_US)
    # Another stream may lag behind: what was dropped for the one is gone for the other.
    assert not recent.find(UnitKind.PAYMENT, ["=p1"], at_us)


def test_what_is_remembered_is_bounded(till):
    recent: RecentUnits = till.writer._recent
    recent._most_bytes = 20_000
    for number in range(60):
        till.take(*(event("attempted", 0, f"p{number}/{place}") for place in range(20)))
    held = [
        one for part in (recent._young, recent._old) for units in part.values() for one in units
    ]
    assert 0 < len(held) < 500


def test_the_sums_of_a_unit_stay_when_its_message_comes_again_after_days(till):
    till.take(event("failed", 0))
    till.take(event("succeeded", 1), received_s=3 * 86_400)
    till.take(event("failed", 0), received_s=3 * 86_400 + 5)
    at_us = till.clock.now_us()
    sums = till.reader.sums(payments(), at_us - DAY_US, at_us + DAY_US)
    assert (sums.good, sums.bad) == (0, 1)
