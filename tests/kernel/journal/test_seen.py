"""Declared keys that were taken: known until their horizon, wherever they lie by then."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import HOUR_US
from kernel.journal import seen
from kernel.journal.seen import Seen
from kernel.sqlite import open_writer, writing

KEYS = st.sampled_from([bytes([65 + number]) * 4 for number in range(12)])
STEPS = st.lists(
    st.tuples(
        st.lists(KEYS | st.none(), max_size=6),
        st.sampled_from([5, 20, 3 * HOUR_US]),  # horizon
        st.sampled_from([0, 1, 4, 2 * HOUR_US]),  # time that goes by
        st.sampled_from(["commit", "commit", "commit", "undo", "die", "trim"]),
    ),
    max_size=40,
)


@pytest.fixture
def db(tmp_path):
    found = open_writer(tmp_path / "seen.db", seen.SCHEMA)
    yield found
    found.close()


def committed(db: sqlite3.Connection, keys: Seen, noted: list[bytes | None], now_us: int = 0):
    """One transaction; indices of what was known."""
    with writing(db):
        found = keys.note(db, noted, 10, now_us)
        keys.write(db)
    keys.committed()
    return found


def expected(model: dict[bytes, int], noted: list[bytes | None], now_us: int) -> set[int]:
    """What a plain dictionary says."""
    known: set[int] = set()
    met: set[bytes] = set()
    for index, key in enumerate(noted):
        if key is not None and (key in met or model.get(key, -1) >= now_us):
            known.add(index)
        elif key is not None:
            met.add(key)
    return known


@given(steps=STEPS)
def test_keys_are_known_as_by_a_dictionary_whatever_is_undone_killed_or_trimmed(steps):
    db = open_writer_in_memory()
    keys, model, now_us = new_seen(db), {}, 0
    for noted, horizon_us, passed_us, end in steps:
        now_us += passed_us
        db.execute("BEGIN IMMEDIATE")
        found = keys.note(db, noted, horizon_us, now_us)
        assert found == expected(model, noted, now_us)
        keys.write(db)
        if end in {"undo", "die"}:
            db.execute("ROLLBACK")
            keys.undone()
            keys = new_seen(db) if end == "die" else keys
            continue
        if end == "trim":
            keys.trim(db, now_us, 3)
        db.execute("COMMIT")
        keys.committed()
        fresh = {key for index, key in enumerate(noted) if key and index not in found}
        model |= dict.fromkeys(fresh, now_us + horizon_us)
        for key in model:
            assert seen.knows(db, key, now_us) == (model[key] >= now_us)
    db.close()


def open_writer_in_memory() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(seen.SCHEMA)
    return db


def new_seen(db: sqlite3.Connection) -> Seen:
    """One whose keys move after a few, and in small slices."""
    keys = Seen(generation=4, slice_size=1)
    keys.load(db)
    return keys


def test_keys_leave_the_log_for_the_table_and_are_still_known(db):
    keys = Seen(generation=10, slice_size=3)
    names = [b"%02d" % number for number in range(40)]
    for name in names:
        assert committed(db, keys, [name]) == set()
    for _ in range(20):
        committed(db, keys, [])
    moved = {key for (key,) in db.execute("SELECT key FROM seen")}
    assert len(moved) >= 30
    assert db.execute("SELECT count(*) FROM seen_log").fetchone()[0] == 40 - len(moved)
    assert committed(db, keys, names) == set(range(40))


def test_a_key_that_was_forgotten_and_taken_again_is_known_for_its_new_horizon(db):
    """Its old time, still on the way into the table, does not stand above the new one."""
    keys = Seen(generation=2, slice_size=1)
    committed(db, keys, [b"a", b"b"], now_us=0)
    assert committed(db, keys, [b"a"], now_us=11) == set()
    for _ in range(10):
        committed(db, keys, [], now_us=12)
    assert committed(db, keys, [b"a"], now_us=21) == {0}


def test_keys_past_their_time_are_trimmed_a_bounded_number_at_a_time(db):
    keys = Seen(generation=1, slice_size=10)
    for name in (b"a", b"b", b"c"):
        for noted in ([name], [], []):
            committed(db, keys, noted, now_us=0)
    assert keys.trim(db, 10, 2) == 0
    assert [keys.trim(db, 11, 2) for _ in range(3)] == [2, 1, 0]
    assert db.execute("SELECT count(*) FROM seen").fetchone() == (0,)


def test_trimming_goes_round_a_table_of_many_windows(db, monkeypatch):
    monkeypatch.setattr(seen, "_TRIM_WINDOW", 2)
    keys = Seen(generation=1, slice_size=10)
    committed(db, keys, [b"%d" % number for number in range(9)])
    for _ in range(2):
        committed(db, keys, [])
    assert [keys.trim(db, 11, 100) for _ in range(5)] == [3, 3, 3, 0, 0]
