"""Units of work, facts and the outbox on a real control database."""

from __future__ import annotations

from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlmodel import Field, Session, SQLModel, col, select

from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.facts import Fact, FactDispatcher, Subscription, publish
from kernel.facts.bus import MAX_TRIES, FactQuarantineRow
from kernel.outbox import DeliveryRow, Outbox, PermanentFailure, RetryLater, enqueue


class Heard(SQLModel, table=True):
    """What a subscriber wrote down."""

    __tablename__ = "test_heard"
    id: int | None = Field(default=None, primary_key=True)
    value: str


class Spoken(Fact):
    """A fact for these tests."""

    name: ClassVar[str] = "test.word.spoken"
    word: str


class Other(Fact):
    """A fact nobody here asks for."""

    name: ClassVar[str] = "test.other.said"


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def database(tmp_path):
    return fresh_database(tmp_path)


def fresh_database(folder) -> Database:
    database = Database(f"sqlite:///{folder / 'control.db'}")
    database.create_all()
    return database


def fail() -> None:
    raise RuntimeError


def heard(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.exec(select(Heard.value).order_by(col(Heard.id))))


def say(database: Database, *words: str) -> None:
    for word in words:
        with database.unit_of_work() as session:
            publish(session, Spoken(word=word), 1)


def write_down(session: Session, fact: Spoken) -> None:
    session.add(Heard(value=fact.word))
    if fact.word == "bad":
        session.flush()
        raise ValueError("cannot take it")


def dispatcher(database: Database, clock: FrozenClock, *subscribers: str) -> FactDispatcher:
    made = FactDispatcher(database, clock, lambda name, error: None)
    for name in subscribers or ("ear",):
        made.subscribe(Subscription(name, [Spoken], write_down))
    return made


# --- units of work


def test_a_unit_of_work_is_all_or_nothing(database):
    with pytest.raises(RuntimeError), database.unit_of_work() as session:  # noqa: PT012 - the block is the case
        session.add(Heard(value="lost"))
        session.flush()
        fail()
    assert heard(database) == []
    with database.unit_of_work() as session:
        session.add(Heard(value="kept"))
    assert heard(database) == ["kept"]


def test_a_reading_cannot_write(database):
    with pytest.raises(OperationalError), database.reading() as session:
        session.execute(text("DELETE FROM test_heard"))


def test_an_error_of_the_database_does_not_say_the_values(database):
    statement = text("INSERT INTO nowhere VALUES (:reason)")
    with pytest.raises(OperationalError) as raised, database.unit_of_work() as session:
        session.connection().execute(statement, {"reason": "anna called in sick"})
    assert "nowhere" in str(raised.value)
    assert "anna" not in str(raised.value)


def test_a_reading_sees_one_state_from_beginning_to_end(database):
    with database.reading() as reading:
        before = reading.exec(select(Heard)).all()
        with database.unit_of_work() as session:
            session.add(Heard(value="new"))
        assert reading.exec(select(Heard)).all() == before == []
    assert heard(database) == ["new"]


def test_what_is_committed_is_synced_and_checked(database):
    with database.unit_of_work() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


# --- facts


def test_a_fact_exists_only_if_its_change_does(database, clock):
    with pytest.raises(RuntimeError), database.unit_of_work() as session:  # noqa: PT012 - the block is the case
        publish(session, Spoken(word="never"), 1)
        fail()
    say(database, "yes")
    dispatcher(database, clock).step()
    assert heard(database) == ["yes"]


def test_each_subscriber_hears_each_fact_once_and_in_order(database, clock):
    with database.unit_of_work() as session:
        publish(session, Other(), 1)
    say(database, "a", "b", "c")
    both = dispatcher(database, clock, "left", "right")
    both.step()
    both.step()
    assert heard(database) == ["a", "b", "c", "a", "b", "c"]
    say(database, "d")
    dispatcher(database, clock, "left").step()
    assert heard(database)[6:] == ["d"]


def test_a_long_line_of_facts_comes_in_bounded_batches(database, clock):
    say(database, *(str(n) for n in range(51)))
    bus = dispatcher(database, clock)
    assert bus.step() is True
    assert len(heard(database)) == 50
    assert bus.step() is False
    assert len(heard(database)) == 51


def test_a_fact_that_fails_five_times_is_put_aside_for_that_subscriber_alone(database, clock):
    errors: list[str] = []
    bus = FactDispatcher(database, clock, lambda name, error: errors.append(name))
    bus.subscribe(Subscription("weak", [Spoken], write_down))
    bus.subscribe(
        Subscription("strong", [Spoken], lambda session, fact: session.add(Heard(value="ok")))
    )
    say(database, "bad", "after")
    for _ in range(MAX_TRIES - 1):
        bus.step()
    assert heard(database) == ["ok", "ok"], "the weak one waits, and left nothing half done"
    bus.step()
    assert heard(database) == ["ok", "ok", "after"]
    assert errors == ["weak"] * MAX_TRIES
    with database.reading() as session:
        rows = session.exec(select(FactQuarantineRow)).all()
    assert [(row.subscriber, row.position) for row in rows] == [("weak", 1)]
    assert "cannot take it" in rows[0].error


def test_a_full_disk_puts_no_fact_aside(database, clock):
    full = [OperationalError("INSERT", {}, Exception("database or disk is full"))] * (MAX_TRIES + 3)

    def take(session: Session, fact: Spoken) -> None:
        write_down(session, fact)
        if full:
            session.flush()
            raise full.pop()

    errors: list[str] = []
    bus = FactDispatcher(database, clock, lambda name, error: errors.append(name))
    bus.subscribe(Subscription("ear", [Spoken], take))
    say(database, "page", "after")
    for _ in range(MAX_TRIES + 3):
        assert bus.step() is False
    assert len(errors) == MAX_TRIES + 3
    assert heard(database) == []
    bus.step()
    assert heard(database) == ["page", "after"]


# --- the outbox


class Post:
    """A peer with state: what it got, and how it answers next."""

    def __init__(self) -> None:
        self.got: list[str] = []
        self.failures: list[Exception] = []

    def __call__(self, delivery):
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(delivery.payload["text"])
        return lambda session: session.add(Heard(value=delivery.payload["text"]))


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def outbox(database, clock, post) -> Outbox:
    made = Outbox(database, clock)
    made.register("post", post)
    return made


def send(database, clock, key: str, *, lane: str = "x", channel: str = "post") -> None:
    with database.unit_of_work() as session:
        enqueue(
            session,
            channel=channel,
            lane=lane,
            idempotency_key=key,
            payload={"text": key},
            clock=clock,
        )


def states(database) -> list[str]:
    with database.reading() as session:
        rows = session.exec(select(DeliveryRow).order_by(col(DeliveryRow.sequence))).all()
        return [row.state for row in rows]


def drain(outbox: Outbox) -> None:
    while outbox.step():
        pass


def test_a_lane_keeps_its_order_and_marks_in_the_same_unit_of_work(database, clock, outbox, post):
    for key in ("a", "b", "c"):
        send(database, clock, key)
    drain(outbox)
    assert post.got == ["a", "b", "c"] == heard(database)
    assert states(database) == ["delivered"] * 3
    assert outbox.oldest_waiting_us() is None


def test_a_known_key_is_not_sent_again(database, clock, outbox, post):
    send(database, clock, "a")
    send(database, clock, "a")
    drain(outbox)
    send(database, clock, "a")
    drain(outbox)
    assert post.got == ["a"]


def test_a_delivery_that_must_wait_holds_its_lane_and_no_other(database, clock, outbox, post):
    post.failures = [RetryLater("slow down", after_s=30)]
    send(database, clock, "a1", lane="a")
    send(database, clock, "b1", lane="b")
    send(database, clock, "a2", lane="a")
    drain(outbox)
    assert post.got == ["b1"]
    clock.advance_s(29)
    drain(outbox)
    assert post.got == ["b1"]
    clock.advance_s(1)
    drain(outbox)
    assert post.got == ["b1", "a1", "a2"]


def test_the_wait_grows_and_ends_in_failure_after_fifty_tries(database, clock, outbox, post):
    post.failures = [RetryLater("away") for _ in range(60)]
    send(database, clock, "a")
    send(database, clock, "b")
    waits = []
    while states(database)[0] == "waiting":
        outbox.step()
        with database.reading() as session:
            due_us = session.exec(select(DeliveryRow.next_at_us)).first()
        waits.append(max(0, due_us - clock.now_us()))
        clock.set_us(max(due_us, clock.now_us()))
    assert len(waits) == 50
    assert waits[:-1] == sorted(waits[:-1])
    assert max(waits) == 300_000_000
    assert states(database) == ["failed", "waiting"]


def test_what_no_retry_can_help_is_failed_at_once_and_frees_its_lane(database, clock, outbox, post):
    post.failures = [PermanentFailure("token revoked")]
    send(database, clock, "a")
    send(database, clock, "b")
    drain(outbox)
    drain(outbox)
    assert states(database) == ["failed", "delivered"]
    assert post.got == ["b"]


def test_a_channel_without_a_deliverer_waits_and_blocks_nobody(database, clock, outbox, post):
    for number in range(600):
        send(database, clock, f"s{number}", channel="silent")
    send(database, clock, "a")
    drain(outbox)
    assert post.got == ["a"]


def test_a_channel_that_breaks_holds_up_no_other(database, clock, outbox, post):
    broken = Post()
    broken.failures = [KeyError("ts")]
    outbox.register("broken", broken)
    send(database, clock, "a", channel="broken")
    send(database, clock, "b")
    parts = outbox.parts()
    assert [part.name for part in parts] == ["outbox.drain.post", "outbox.drain.broken"]
    with pytest.raises(KeyError):
        parts[1].step()
    assert parts[0].step()
    assert (post.got, broken.got) == (["b"], [])
    assert parts[1].step()
    assert broken.got == ["a"]


def test_a_long_lane_that_waits_does_not_starve_the_others(database, clock, outbox, post):
    post.failures = [RetryLater("away", after_s=100)]
    for number in range(600):
        send(database, clock, f"a{number}", lane="a")
    send(database, clock, "b", lane="b")
    drain(outbox)
    drain(outbox)
    assert post.got == ["b"]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=20),
    st.lists(st.sampled_from(["ok", "later", "never"]), max_size=20),
)
def test_each_lane_is_delivered_in_order_and_each_key_at_most_once(
    tmp_path_factory, sends, answers
):
    database, clock, post = fresh_database(tmp_path_factory.mktemp("o")), FrozenClock(), Post()
    outbox = Outbox(database, clock)
    outbox.register("post", post)
    made = {"later": RetryLater("x", after_s=1), "never": PermanentFailure("x")}
    keys = list(dict.fromkeys(f"{lane}{n}" for lane, n in sends))
    for lane, n in sends:
        send(database, clock, f"{lane}{n}", lane=lane)
    for answer in answers:
        post.failures = [made[answer]] if answer in made else []
        outbox.step()
        clock.advance_s(2)
    post.failures = []
    for _ in range(len(keys) + 1):
        outbox.step()
        clock.advance_s(400)
    assert len(post.got) == len(set(post.got))
    for lane in "abc":
        order = [key for key in keys if key[0] == lane]
        got = [key for key in post.got if key[0] == lane]
        assert got == [key for key in order if key in got]
    assert "waiting" not in states(database)
    database.close()
