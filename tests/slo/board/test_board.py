"""The board's sums are those of the ledger, and whoever it calls calm opens nothing."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path

import pytest

from kernel.clock import DAY_US, SECOND_US
from kernel.journal import Stream
from kernel.shop_event import Origin
from slo.board import Board
from slo.board.objective_board import ObjectiveBoard, begin_us
from slo.decision import decide
from slo.ledger_view import LedgerView, closed_us
from slo.objective import Window
from tests.slo.ledger.till import record
from tests.slo.shop_till import START_US, Till, payments

OBJECTIVES = [
    payments(),
    payments("0.9", id="loose", segments=("provider",)),
    payments("0.999", id="strict", window=Window(7 * DAY_US), segments=()),
]


class Shop:
    """Events at any time, received now; after each step board and ledger are compared."""

    def __init__(self, tmp_path: Path, seed: int) -> None:
        self.till = Till(tmp_path, OBJECTIVES)
        self.rng = random.Random(seed)
        self.reader = self.till.reader()
        self.board = Board(OBJECTIVES, self.till.feed)
        self.number = 0

    def step(self, seconds: int, size: int, *, late_s: int = 0, bad: float = 0.02) -> None:
        till, rng = self.till, self.rng
        till.clock.advance_s(seconds)
        now_us = till.clock.now_us()
        events = []
        for _ in range(size):
            at_us = now_us - rng.randrange(1, (late_s or seconds) * SECOND_US)
            share = min(1.0, bad * (10 if rng.random() < 0.3 else 1))
            failed = rng.random() < share
            told = till.attempt(at_us, lambda *_, failed=failed: failed, ("a", "b"))
            if rng.random() < 0.05 and till.attempts > 50:
                # Something said before is revised by the provider.
                told = type(told)(
                    **{
                        **{name: getattr(told, name) for name in told.__struct_fields__},
                        "payment_id": f"p{rng.randrange(1, till.attempts)}",
                        "origin": Origin.PROVIDER,
                    }
                )
            events.append(told)
        position = till.writer.cursor(Stream.SHOP) + 1
        received_s = (now_us - START_US) / SECOND_US
        made = record(position, events, received_s)
        till.writer.apply(Stream.SHOP, [type(made)(**{**vars(made), "received_us": now_us})])
        for stream in (Stream.SHOP, Stream.DERIVED):
            till.writer.reach(stream, till.writer.cursor(stream), now_us)

    def follow(self) -> int:
        end_us = closed_us(self.till.clock.now_us())
        with self.reader.at_once():
            self.board.follow(self.reader, end_us)
            for objective in OBJECTIVES:
                if self.board.sums(objective) is None:
                    self.board.load(self.reader, objective)
        return end_us

    def assert_equal(self) -> None:
        end_us = self.follow()
        for objective in OBJECTIVES:
            sums = self.board.sums(objective)
            assert sums is not None
            for window_s, counts in sums.items():
                found = self.reader.sums(objective, begin_us(end_us, window_s), end_us)
                expected = [found.bad, found.total, found.alert_bad, found.alert_total]
                assert list(counts) == expected, (objective.id, window_s)


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_are_those_of_the_ledger_after_every_step(tmp_path, seed):
    shop = Shop(tmp_path, seed)
    rng = random.Random(seed)
    shop.step(3600, 40, late_s=6 * 3600)
    shop.assert_equal()
    for _ in range(120):
        late_s = rng.choice([0, 0, 0, 300, 8_000, 90_000])
        shop.step(rng.choice([5, 5, 5, 10, 60, 300]), rng.randrange(12), late_s=late_s)
        if rng.random() < 0.8:
            shop.assert_equal()
    shop.assert_equal()


def test_after_a_long_pause_the_board_is_read_anew(tmp_path):
    shop = Shop(tmp_path, 1)
    shop.step(60, 30)
    shop.assert_equal()
    shop.step(4 * 3600, 30)
    shop.assert_equal()


def test_a_missed_transaction_is_noticed(tmp_path):
    shop = Shop(tmp_path, 1)
    shop.step(60, 30)
    shop.assert_equal()
    shop.step(5, 5)
    shop.till.feed._waiting.clear()
    shop.assert_equal()


def test_what_lies_ahead_of_the_end_counts_when_its_time_comes(tmp_path):
    shop = Shop(tmp_path, 1)
    shop.step(60, 30)
    shop.assert_equal()
    ahead = shop.till.attempt(shop.till.clock.now_us() + 240 * SECOND_US, lambda *_: True, ("a",))
    shop.till.arrive([ahead])
    for _ in range(60):
        shop.step(5, 2)
        shop.assert_equal()


def _opens(shop: Shop, end_us: int, *, tickets: bool) -> set[str]:
    """Objectives for which the exact rules open an alert."""
    now_us = shop.till.clock.now_us()
    assert end_us == closed_us(now_us)
    views = [LedgerView(shop.reader, one, now_us, ("shop",)) for one in OBJECTIVES]
    return {view.objective.id for view in views if decide(view, (), tickets=tickets).opened}


@pytest.mark.parametrize("seed", range(3))
def test_whoever_is_calm_opens_nothing(tmp_path, seed):
    shop = Shop(tmp_path, seed)
    rng = random.Random(seed)
    looked, calm, opened = 0, 0, 0
    bad = 0.002
    for number in range(240):
        if number % 20 == 0:
            bad = rng.choice([0.0, 0.0005, 0.0005, 0.001, 0.1, 0.5])
        shop.step(5, rng.choice([0, 3, 20, 40]), bad=bad)
        end_us = shop.follow()
        tickets = number % 12 == 0
        found = _opens(shop, end_us, tickets=tickets)
        for objective in OBJECTIVES:
            is_calm = shop.board.calm(shop.reader, objective, tickets=tickets)
            assert not (is_calm and objective.id in found), (number, objective.id)
            looked, calm = looked + (not is_calm), calm + is_calm
        opened += len(found)
    assert opened
    assert calm


def test_a_steady_shop_within_its_budget_is_calm(tmp_path):
    shop = Shop(tmp_path, 3)
    for number in range(260):
        # Exactly a quarter of the loosest budget and never much in one place.
        shop.step(5, 40, bad=0.0 if number % 40 else 0.01)
        shop.follow()
    assert [shop.board.calm(shop.reader, one, tickets=True) for one in OBJECTIVES[:2]] == [
        True,
        True,
    ]


def test_the_bound_on_the_excess_holds_for_every_fire():
    """Down to the smallest chance that pages: more than 4 bad lie above what the ratio explains."""
    from slo.binomial import upper_tail
    from slo.board.screen import LEAST_EXCESS

    for ratio in (0.001, 0.0144, 0.05, 0.1, 0.3, 0.6, 0.9):
        for bad in range(5, 61):
            total = bad
            while total < 100_000 and upper_tail(bad, total, ratio) <= 1e-6:
                assert bad - ratio * total > LEAST_EXCESS, (ratio, bad, total)
                total = total + max(1, total // 50)


def test_the_ratio_of_the_screen_is_below_every_window():
    from slo.board.screen import lowest_ratio
    from slo.fast_tier import WINDOWS_S, reference_ratio

    for target in ("0.9", "0.99", "0.999", "0.9999"):
        budget = 1 - Fraction(target)
        lowest = lowest_ratio(budget, 1.0)
        assert all(lowest < reference_ratio(budget, one, 1.0) for one in WINDOWS_S)


def test_attempts_that_are_taken_back_make_failures_weigh_more():
    board = ObjectiveBoard((300,), START_US)
    board.change(START_US - 10 * SECOND_US, [6, 200, 6, 200])
    board.change_bad(START_US - 10 * SECOND_US, 1, 6)
    assert not board.may_jump(0.05, lambda *_: 200)
    board.change(START_US - 10 * SECOND_US, [0, -180, 0, -180])
    assert board.may_jump(0.05, lambda *_: 20)
