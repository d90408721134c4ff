"""A round is cut into short passes: each is bounded, and everybody has his look all the same."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from kernel.clock import SECOND_US
from slo import evaluation
from slo.evaluation import ROUND_US, Evaluator
from tests.slo.shop_till import Till, all_fail, payments

MANY = [payments(id=f"o{number:02d}") for number in range(12)]


class Processor:
    """CPU time of the pass: each exact look costs `look_s`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, look_s: float) -> None:
        self.now_s = 0.0
        self.looks: list[str] = []
        decide = evaluation.decide

        def costly(view, known, *, tickets):
            self.now_s += look_s
            self.looks.append(view.objective.id)
            return decide(view, known, tickets=tickets)

        monkeypatch.setattr(evaluation, "thread_time", lambda: self.now_s)
        monkeypatch.setattr(evaluation, "decide", costly)


def _evaluator(till: Till, passes: list[int], processor: Processor, *, rest_s: float = 0.0):
    def rest() -> None:
        passes.append(len(processor.looks))
        till.clock.advance_s(rest_s)

    till.evaluator = Evaluator(
        till.database, till.reader, till.catalogue, till.clock, till.feed, rest=rest
    )


def test_a_pass_ends_once_its_looks_have_had_their_time(tmp_path: Path, monkeypatch):
    till = Till(tmp_path, MANY)
    till.play(60)
    processor, passes = Processor(monkeypatch, look_s=0.009), []
    _evaluator(till, passes, processor)
    till.play(15, fails=all_fail, evaluate=False)
    till.evaluator.run_once()
    counts = [0, *passes, len(processor.looks)]
    a_pass = [later - before for before, later in pairwise(counts)]
    assert max(a_pass) == 3  # the third look ends beyond the 20 ms
    assert len(till.alerts(open_only=True)) == len(MANY)


def test_an_outage_that_hits_all_at_once_is_decided_for_all_in_one_round(
    tmp_path: Path, monkeypatch
):
    (tmp_path / "alone").mkdir()
    alone = Till(tmp_path / "alone", MANY)
    (tmp_path / "cut").mkdir()
    cut = Till(tmp_path / "cut", MANY)
    cut_passes: list[int] = []
    for till in (alone, cut):
        till.play(60)
        till.play(15, fails=all_fail, evaluate=False)
    alone.evaluator.run_once()
    processor = Processor(monkeypatch, look_s=1.0)
    _evaluator(cut, cut_passes, processor)
    cut.evaluator.run_once()
    assert len(cut_passes) >= len(MANY) - 1
    assert _told(cut) == _told(alone)
    assert len(_told(cut)) == len(MANY)


def _told(till: Till) -> list[tuple[object, ...]]:
    found = till.alerts(open_only=True)
    return sorted((one.objective_id, one.tier, one.reason, one.onset_us) for one in found)


def test_what_a_round_does_not_come_to_is_first_in_the_next_and_shows_as_age(
    tmp_path: Path, monkeypatch
):
    till = Till(tmp_path, MANY)
    till.play(60)
    processor, passes = Processor(monkeypatch, look_s=1.0), []
    _evaluator(till, passes, processor, rest_s=1.0)
    till.evaluator.run_once()
    till.play(15, fails=all_fail, evaluate=False)
    processor.looks.clear()
    begun_us = till.clock.now_us()
    till.evaluator.run_once()
    first = list(processor.looks)
    assert 0 < len(first) < len(MANY)
    assert till.clock.now_us() - begun_us == ROUND_US
    # Not everybody was judged: the judgement is as old as the longest wait.
    assert till.evaluator.last_evaluation_us == begun_us
    till.evaluator.run_once()
    second = processor.looks[len(first) :]
    assert not set(first) & set(second[: len(MANY) - len(first)])
    assert len(till.alerts(open_only=True)) >= len(MANY) - 2
    till.evaluator.run_once()
    assert {one.objective_id for one in till.alerts(open_only=True)} == {one.id for one in MANY}


def test_after_a_start_the_calm_are_read_once_and_need_no_exact_look(tmp_path: Path, monkeypatch):
    till = Till(tmp_path, MANY)
    till.play(120)
    processor = Processor(monkeypatch, look_s=0.001)
    till.restart()
    till.evaluator.run_once()
    assert processor.looks == []
    till.play(15, fails=all_fail)
    assert len(till.alerts(open_only=True)) == len(MANY)


def test_an_outage_that_began_before_the_start_is_found_by_the_first_round(
    tmp_path: Path, monkeypatch
):
    till = Till(tmp_path, MANY)
    till.play(60)
    till.play(20, fails=all_fail, evaluate=False)
    till.restart()
    till.evaluator.run_once()
    assert len(till.alerts(open_only=True)) == len(MANY)
    assert till.evaluator.last_evaluation_us == till.clock.now_us()


def test_what_open_alerts_remember_is_stored_in_every_round(tmp_path: Path):
    till = Till(tmp_path, MANY)
    till.play(60)
    till.play(30, fails=all_fail)
    before = {one.id: one.last_fire_us for one in till.alerts()}
    till.play(10, fails=all_fail)
    after = {one.id: one.last_fire_us for one in till.alerts()}
    assert len(before) == len(MANY)
    assert all(after[one] == before[one] + 10 * SECOND_US for one in before)
