"""Units by the sources that spoke of them: the short ways say what the definition says."""

from __future__ import annotations

import sqlite3
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.shop_event import DERIVED_TYPES, Origin, ShopEvent
from slo.ledger.bulk import Insert
from slo.ledger.schema import SCHEMA
from slo.ledger.source_book import SourceBook
from slo.ledger.source_changes import ALL_SOURCES, SourceChanges
from tests.slo.ledger.till import T0, event


def _is_ours(one: ShopEvent) -> bool:
    return one.origin is Origin.DERIVED and one.type in DERIVED_TYPES


messages = st.builds(
    lambda number, kind, source, origin: event(kind, number, source=source, origin=origin),
    st.integers(0, 99),
    st.sampled_from(["attempted", "succeeded", "expired"]),
    st.sampled_from(["shop", "till"]),
    st.sampled_from([Origin.BACKEND, Origin.PROVIDER, Origin.DERIVED]),
)
units = st.lists(messages, min_size=1, max_size=4).flatmap(
    lambda after: st.tuples(st.integers(0, len(after) - 1), st.just(after))
)


@settings(deadline=None)
@given(st.lists(units, max_size=12))
def test_a_unit_counts_once_for_each_source_that_newly_spoke_of_it(told):
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    changes, expected = SourceChanges(SourceBook(db)), Counter()
    for known, after in told:
        before = after[:known]
        changes.speak(before, after)
        # A conclusion of ours is the shop's word where the shop has told of the unit before.
        if len(before) == 1 and all(one.source == before[0].source for one in after):
            continue
        old = {one.source for one in before if not _is_ours(one)}
        new = {one.source for one in after if not _is_ours(one)}
        expected.update(new - old)
        if new and not old:
            expected[ALL_SOURCES] += 1
    changes.flush(db, T0)
    assert dict(db.execute("SELECT source, units FROM volume")) == dict(expected)


def test_times_heard_and_minutes_present_are_those_of_all_messages():
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    changes = SourceChanges(SourceBook(db))
    expired = event("expired", 900, origin=Origin.DERIVED)
    changes.hear([event("attempted", at_s) for at_s in (130, 5, 61, 62)] + [expired])
    changes.flush(db, T0)
    heard = db.execute("SELECT first_event_us - ?, last_event_us - ? FROM heard", (T0, T0))
    assert heard.fetchall() == [(5_000_000, 130_000_000)]
    minutes = db.execute("SELECT (minute_us - ?) / 60000000 FROM presence ORDER BY 1", (T0,))
    assert minutes.fetchall() == [(0,), (1,), (2,)]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(-5, 5)), max_size=230))
def test_many_rows_in_one_statement_are_what_each_would_be_alone(rows):
    db = sqlite3.connect(":memory:")
    for name in ("one", "many"):
        db.execute(f"CREATE TABLE {name} (place INTEGER PRIMARY KEY, held INTEGER NOT NULL)")
    adding = "ON CONFLICT DO UPDATE SET held = held + excluded.held"
    Insert("many", "(?, ?)", adding).run(db, rows)
    for row in rows:
        db.execute(f"INSERT INTO one VALUES (?, ?) {adding}", row)
    found = [db.execute(f"SELECT * FROM {name}").fetchall() for name in ("one", "many")]
    assert found[0] == found[1]
