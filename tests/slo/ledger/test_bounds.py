"""What a sender makes up must not make the ledger grow, nor one customer's name make it slow."""

from __future__ import annotations

from slo.ledger.source_book import SourceBook
from tests.slo.ledger.till import T0, Till, event, payments


def test_sources_beyond_the_bound_are_other(till):
    till.writer._books.sources._most = 2
    till.take(*[event("succeeded", 0, f"p{n}", source=f"s{n}") for n in range(5)])
    assert till.reader.known_sources() == ["__other__", "s0", "s1"]
    assert {row[0] for row in till.table("presence")} == {"__other__", "s0", "s1"}


def test_a_source_that_is_known_keeps_its_name(till):
    till.take(event("succeeded", 0, source="shop"))
    book = SourceBook(till.writer.connection(), most=1)
    assert (book.name_of("shop"), book.name_of("other")) == ("shop", "__other__")


def test_one_name_for_all_customers_does_not_read_all_their_failures_again(till):
    for number in range(40):
        till.take(event("failed", number, f"p{number}", session_id="anonymous"), received_s=41)
    queries: list[str] = []
    till.writer.connection().set_trace_callback(queries.append)
    till.take(event("failed", 50, "last", session_id="anonymous"), received_s=51)
    till.writer.connection().set_trace_callback(None)
    query = next(one for one in queries if "LEFT JOIN bad" in one)
    rows = till.writer.connection().execute(query).fetchall()
    # Nothing lies behind the newest attempt; that something counted before it is one number.
    assert [row[1:3] for row in rows] == [(T0, T0 + 50_000_000)]
    assert till.reader.sums(payments(), T0 - 10**9, T0 + 10**9).alert_bad == 1


def test_segments_beyond_the_daily_bound_take_no_room_in_the_dictionary(tmp_path):
    till = Till(tmp_path, [payments()], max_segments_a_day=2)
    for number in range(40):
        till.take(event("failed", 0, f"p{number}", country=f"C{number}"))
    assert len(till.table("segment")) == 3
    till.close()
