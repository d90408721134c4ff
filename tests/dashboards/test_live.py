"""Live pages: told of a change once, and only of a change; a bound on open streams."""

from __future__ import annotations

import sqlite3
import threading

import pytest

from access.principal import Role
from dashboards.fresh import Fresh
from dashboards.live import MAX_STREAMS
from kernel.clock import SECOND_US, FrozenClock
from kernel.errors import Unavailable


def write(path) -> None:
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS note (at)")
    db.execute("INSERT INTO note VALUES (1)")
    db.commit()
    db.close()


def test_a_commit_of_somebody_else_is_told_once(house):
    changed = house.feed.watch("records")
    assert not changed()
    write(house.control)
    assert changed()
    assert not changed()


def test_only_pages_of_numbers_follow_the_ledger(house):
    counts, records = house.feed.watch("counts"), house.feed.watch("records")
    write(house.control.with_name("ledger.db"))
    assert (counts(), records()) == (True, False)


def test_a_stream_needs_a_login_and_ends_when_the_service_stops(house):
    assert house.client.get("/live").status_code == 401
    house.enter(Role.VIEWER)
    house.stopping = True
    answer = house.client.get("/live?topic=counts")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert house.feed.streams == 0


def test_more_streams_than_allowed_are_refused_with_a_hint(house):
    house.enter(Role.VIEWER)
    house.feed.streams = MAX_STREAMS
    answer = house.client.get("/live")
    assert (answer.status_code, answer.json()["hint"]) == (429, "load the page by hand")


def test_numbers_are_read_once_for_all_who_ask_and_again_when_they_are_old():
    clock, read = FrozenClock(), []
    fresh = Fresh(lambda: read.append(1) or len(read), clock, 2 * SECOND_US)
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(fresh())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 8
    clock.advance_s(2)
    assert fresh() == 2


def test_a_failure_to_read_is_not_remembered():
    answers = iter([Unavailable("away"), 7])

    def read() -> int:
        answer = next(answers)
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    fresh = Fresh(read, FrozenClock(), SECOND_US)
    with pytest.raises(Unavailable):
        fresh()
    assert fresh() == 7
