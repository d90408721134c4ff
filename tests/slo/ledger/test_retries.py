"""A past that cannot be counted keeps nobody else from being counted, and is tried again."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from slo.faults import Faults
from slo.ledger import LedgerWriter
from slo.ledger import rebuild as rebuild_module
from slo.ledger.progress import progress
from slo.ledger.projector import LedgerProjector
from slo.ledger.retries import MOST_WAIT_S
from tests.slo.ledger.test_projector import Shop
from tests.slo.ledger.till import event, payments

OLD, NEW, OTHER = payments(), payments(id="new"), payments(id="other")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose engine starts again with two more objectives; `faults` tells of them."""
    made = Shop(tmp_path)
    made.send(event("succeeded", 0, "p1"), event("failed", 1, "p2"))
    made.catch_up()
    made.projector.close()
    made.faults = Faults()
    writer = LedgerWriter(tmp_path / "ledger.db", made.clock, [OLD, NEW, OTHER])
    paths = tmp_path / "journal.db", tmp_path / "derived.db"
    made.projector = LedgerProjector(writer, *paths, faults=made.faults)
    yield made
    made.close()


class Breaking:
    """Lets replays fail that have a faulty objective among them; notes what each was for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception, *faulty: str) -> None:
        self.tries: list[list[str]] = []
        self.faulty = set(faulty)
        whole = rebuild_module._replay

        def replay(side, journals, until):
            ids = [one.id for one in side._objectives]
            self.tries.append(ids)
            if self.faulty & set(ids):
                raise error
            return whole(side, journals, until)

        monkeypatch.setattr(rebuild_module, "_replay", replay)


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_after_a_failed_rebuild_the_others_are_counted_and_the_missing_one_has_a_reason(
    shop, monkeypatch
):
    Breaking(monkeypatch, FULL, "new", "other")
    shop.send(event("succeeded", 2, "p3"))
    shop.catch_up()
    assert (shop.sums(OLD).good, shop.sums(OLD).bad) == (2, 1)
    assert shop.sums(NEW).total == 0
    assert set(shop.faults.reasons()) == {"new", "other"}
    reason = shop.faults.reasons()["new"]
    assert reason.startswith("slo.ledger.rebuild: being counted again, the last try failed")
    assert "No space left" in reason
    # It is no longer under way: figures of the others are not old.
    assert progress(shop.folder / "ledger.db", shop.folder / "journal.db") is None
    assert not list(shop.folder.glob("*.rebuild*"))


def test_a_retry_counts_the_whole_past_with_what_came_meanwhile(shop, monkeypatch):
    breaking = Breaking(monkeypatch, FULL, "new", "other")
    shop.send(event("succeeded", 2, "p3"))
    shop.catch_up()
    breaking.faulty.clear()
    shop.send(event("failed", 3, "p4"))
    for _ in range(4):
        shop.pass_time(120)
    assert shop.sums(NEW) == shop.sums(OLD) == shop.sums(OTHER)
    assert (shop.sums(NEW).good, shop.sums(NEW).bad) == (2, 2)
    assert shop.faults.reasons() == {}
    shop.send(event("succeeded", 4, "p5"))
    shop.catch_up()
    assert shop.sums(NEW) == shop.sums(OLD)


def test_the_one_that_cannot_be_counted_does_not_keep_the_other_out(shop, monkeypatch):
    breaking = Breaking(monkeypatch, ValueError("a fault of ours"), "new")
    for _ in range(40):
        shop.pass_time(60)
    assert shop.sums(OTHER) == shop.sums(OLD)
    assert set(shop.faults.reasons()) == {"new"}
    assert breaking.tries[0] == ["new", "other"]
    assert all(len(one) == 1 for one in breaking.tries[1:])


def test_tries_become_rarer_and_never_stop(shop, monkeypatch):
    breaking = Breaking(monkeypatch, FULL, "new", "other")
    shop.catch_up()
    shop.catch_up()
    assert len(breaking.tries) == 1
    shop.pass_time(31)
    assert len(breaking.tries) == 2
    shop.pass_time(31)
    assert len(breaking.tries) == 2
    for _ in range(10):
        shop.pass_time(MOST_WAIT_S + 1)
    assert len(breaking.tries) == 12


def test_a_past_that_is_there_but_not_taken_up_stops_counting_rather_than_leave_a_hole(
    shop, monkeypatch
):
    def broken(self) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as breaking:
        breaking.setattr(LedgerWriter, "reload", broken)
        with pytest.raises(RuntimeError, match="a fault of ours"):
            shop.catch_up()
    shop.send(event("succeeded", 2, "p3"))
    shop.catch_up()
    assert shop.sums(NEW) == shop.sums(OLD)
