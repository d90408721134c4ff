"""One objective whose evaluation raises costs only itself, and that is never good news."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from kernel.engine_status import own_status, read_status, write_status
from slo import evaluation
from slo import service as service_module
from slo.board import Board
from slo.evaluation import Evaluator
from slo.faults import Faults
from slo.metrics import FaultCollector, SloCollector
from slo.service import SloService
from slo.silence import watcher as watcher_module
from slo.silence.watcher import SilenceWatcher
from tests.slo.shop_till import Till, all_fail, payments

FAULTY, SOUND = payments(id="faulty"), payments(id="sound")


@pytest.fixture
def shop(tmp_path: Path) -> Till:
    till = Till(tmp_path, [FAULTY, SOUND])
    till.play(60)
    till.faults = Faults()
    till.evaluator = Evaluator(
        till.database, till.reader, till.catalogue, till.clock, till.feed, faults=till.faults
    )
    return till


def _break(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, error: Exception) -> None:
    """Let a function fail wherever the faulty objective is asked about."""
    whole = getattr(module, name)

    def faulty(*args: Any, **kwargs: Any) -> Any:
        asked = [getattr(one, "objective", one) for one in args]
        if FAULTY in [one for one in asked if one.__class__ is type(FAULTY)]:
            raise error
        return whole(*args, **kwargs)

    monkeypatch.setattr(module, name, faulty)


def _open(till: Till) -> set[str]:
    return {one.objective_id for one in till.alerts(open_only=True)}


@pytest.mark.parametrize(
    ("module", "name"),
    [(evaluation, "decide"), (evaluation, "open_alert"), (Board, "concern"), (Board, "load")],
)
def test_the_others_are_judged_and_the_faulty_one_has_a_reason(shop, monkeypatch, module, name):
    shop.play(5)
    if name == "load":
        shop.evaluator._board._boards.clear()
        shop.evaluator._board._by_number.clear()
    with monkeypatch.context() as broken:
        _break(broken, module, name, ValueError("a fault of ours"))
        shop.play(15, fails=all_fail)
        assert _open(shop) == {"sound"}
        assert shop.faults.reasons() == {"faulty": "slo.evaluate: ValueError: a fault of ours"}
        assert shop.evaluator.last_evaluation_us == shop.clock.now_us()
    shop.play(10, fails=all_fail)
    assert _open(shop) == {"faulty", "sound"}
    assert shop.faults.reasons() == {}


def test_a_fault_is_logged_once_per_change_and_counted_each_time(shop, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    with monkeypatch.context() as broken:
        _break(broken, evaluation, "decide", ValueError("first"))
        shop.play(30, fails=all_fail)
    assert [one for one in _logged(caplog) if "not_judged" in one] == ["slo.not_judged"]
    with monkeypatch.context() as broken:
        _break(broken, evaluation, "decide", ValueError("second"))
        shop.play(10, fails=all_fail)
    shop.play(5, fails=all_fail)
    assert _logged(caplog) == ["slo.not_judged", "slo.not_judged", "slo.judged_again"]
    assert shop.faults.totals()["slo.evaluate", "faulty"] > 3


def _logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [str(one.msg) for one in caplog.records]
    events = ("slo.not_judged", "slo.judged_again")
    return [event for one in said for event in events if event in one]


def test_an_open_alert_of_a_faulty_objective_keeps_its_state(shop, monkeypatch):
    shop.play(30, fails=all_fail)
    _break(monkeypatch, evaluation, "decide", ValueError("a fault of ours"))
    shop.play(900)
    assert _open(shop) == {"faulty"}


def test_a_fault_of_the_database_is_nobodys_and_fails_the_round(shop, monkeypatch):
    _break(monkeypatch, evaluation, "decide", sqlite3.OperationalError("disk I/O error"))
    with pytest.raises(sqlite3.OperationalError):
        shop.play(15, fails=all_fail)
    assert shop.faults.reasons() == {}


def test_where_nobody_can_be_judged_the_round_itself_fails(tmp_path, monkeypatch):
    till = Till(tmp_path, [FAULTY])
    till.play(60)
    judged_us = till.evaluator.last_evaluation_us
    _break(monkeypatch, evaluation, "decide", ValueError("a fault of ours"))
    with pytest.raises(RuntimeError, match="no objective can be judged"):
        till.play(15, fails=all_fail)
    assert till.evaluator.last_evaluation_us < till.clock.now_us()
    assert till.evaluator.last_evaluation_us >= judged_us


def test_the_look_for_silence_goes_on_for_the_others(shop, monkeypatch):
    watcher = SilenceWatcher(
        shop.database, shop.reader, shop.catalogue, shop.clock, faults=shop.faults
    )
    seen = []
    whole = watcher_module.silence_changes

    def changes(view, known, listener):
        seen.append(view.objective.id)
        return whole(view, known, listener)

    monkeypatch.setattr(watcher_module, "silence_changes", changes)
    _break(monkeypatch, watcher_module, "silence_changes", KeyError("lost"))
    watcher.run_once()
    assert seen == ["sound"]
    assert shop.faults.reasons() == {"faulty": "slo.silence: KeyError: 'lost'"}


def _service(till: Till, not_judged: Mapping[str, str]) -> SloService:
    return SloService(till.database, till.reader, till.catalogue, till.clock, lambda: not_judged)


def test_who_is_not_judged_shows_as_no_data_with_the_reason_everywhere(shop):
    service = _service(shop, {"faulty": "slo.evaluate: ValueError: a fault of ours"})
    faulty, sound = service.list()
    said = "not judged: slo.evaluate: ValueError: a fault of ours"
    assert (faulty.state, faulty.reason, faulty.no_data.present) == ("no_data", said, said)
    assert sound.state == "ok"
    shown = service.show("faulty")
    assert (shown.state, shown.reason) == ("no_data", said)
    assert {one.state for one in shown.segments} == {"no_data"}
    assert [bool(one.no_data) for one in service.budgets("payments")] == [True, False]
    assert service.recovery(["faulty"], {}, 0).state == "no_data"


def test_figures_that_cannot_be_computed_leave_the_others_on_page_and_in_metrics(shop, monkeypatch):
    _break(monkeypatch, service_module, "both_figures", ZeroDivisionError("a fault of ours"))
    service = _service(shop, {})
    faulty, sound = service.list()
    assert (faulty.state, faulty.sli, faulty.budget_left) == ("no_data", None, None)
    assert "ZeroDivisionError: a fault of ours" in faulty.reason
    assert service.show("faulty").reason == faulty.reason
    assert sound.sli == 1.0
    registry = CollectorRegistry()
    registry.register(SloCollector(service))
    text = generate_latest(registry).decode()
    assert 'tillwatch_slo_state{objective="faulty",service="payments",state="no_data"} 1.0' in text
    assert 'budget_left_ratio{objective="faulty"' not in text
    assert 'budget_left_ratio{objective="sound"' in text


def test_the_metrics_tell_who_fails_now_and_how_often_anybody_failed():
    faults, registry = Faults(), CollectorRegistry()
    registry.register(FaultCollector(faults))
    faults.failed("slo.evaluate", "one", ValueError("x"))
    faults.failed("slo.evaluate", "two", ValueError("x"))
    faults.failed("slo.evaluate", "two", ValueError("x"))
    faults.mended("slo.evaluate", "two")
    text = generate_latest(registry).decode()
    assert 'tillwatch_slo_not_judged{objective="one",part="slo.evaluate"} 1.0' in text
    assert 'tillwatch_slo_not_judged{objective="two"' not in text
    assert 'tillwatch_slo_faults_total{objective="two",part="slo.evaluate"} 2.0' in text


def test_the_engines_sign_of_life_carries_the_reasons_to_the_door(tmp_path):
    write_status(tmp_path, own_status(1, {}, {}, "", {"faulty": "why"}))
    assert read_status(tmp_path).not_judged == {"faulty": "why"}
