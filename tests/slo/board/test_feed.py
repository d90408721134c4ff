"""The feed hands over every transaction once, in order, and never more than memory allows."""

import threading

from slo.board import ChangeFeed, feed
from slo.ledger.writer import Told

_ONE = (1, 0, 0, 0, 0, 1, 0, 0)


def told(number: int, slices: int = 1) -> Told:
    """A transaction that changed that many slices of one objective."""
    return Told(number, [(1, at * 5_000_000, 1, "EUR", *_ONE) for at in range(slices)])


def test_a_transaction_that_is_read_before_it_is_told_of_is_waited_for(monkeypatch):
    monkeypatch.setattr(feed, "_WAIT_S", 30.0)
    changes = ChangeFeed()
    changes.put(told(1))
    writer = threading.Timer(0.05, changes.put, [told(2)])
    writer.start()
    found = changes.take(0, 2)
    writer.join()
    assert found is not None
    assert [one.number for one in found] == [1, 2]


def test_a_writer_that_never_tells_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(feed, "_WAIT_S", 0.01)
    changes = ChangeFeed()
    changes.put(told(1))
    assert changes.take(0, 2) is None


def test_passes_that_do_not_come_leave_a_bounded_number_of_changes(monkeypatch):
    monkeypatch.setattr(feed, "_MOST_CHANGES", 100)
    changes = ChangeFeed()
    for number in range(1, 21):
        changes.put(told(number, slices=30))
    assert sum(one.size for one in changes._waiting) <= 100
    # What is left of them cannot be followed: the ledger is read anew.
    assert changes.take(0, 20) is None
    changes.put(told(21))
    found = changes.take(20, 21)
    assert found is not None
    assert [one.number for one in found] == [21]
