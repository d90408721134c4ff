"""What the channels are told of steps and of the switch."""

from __future__ import annotations

from sqlmodel import Session

from kernel.clock import FrozenClock
from kernel.database import Database
from kernel.facts import Fact, FactDispatcher, publish
from kernel.facts.runbooks import ApprovalUnanswered, ExecutionSwitched, StepExhausted
from triage.step_notices import subscription


class Channel:
    """Remembers what it was asked to say, once per key as the real ones do."""

    def __init__(self) -> None:
        self.said: dict[str, str] = {}

    def notice(self, _session: Session, key: str, text: str) -> None:
        self.said[key] = text


def told(database: Database, *facts: Fact) -> tuple[list[str], list[str]]:
    """What the first and the second channel say."""
    first, second, errors = Channel(), Channel(), list[str]()
    clock = FrozenClock()
    dispatcher = FactDispatcher(database, clock, lambda _, text: errors.append(text))
    dispatcher.subscribe(subscription([first.notice, second.notice], second.notice))
    with database.unit_of_work() as session:
        for fact in facts:
            publish(session, fact, clock.now_us())
    dispatcher.step()
    assert errors == []
    return list(first.said.values()), list(second.said.values())


def switched(stopped: bool, running: list[str]) -> ExecutionSwitched:
    return ExecutionSwitched(
        stopped=stopped, by="Ann", reason="flags look wrong", cancelled=2, running=running, at_us=1
    )


def unanswered(rung: str) -> ApprovalUnanswered:
    return ApprovalUnanswered(
        approval_id="a",
        incident_id="i",
        state="pending",
        tier="R2",
        rung=rung,
        waited_s=540,
        expires_us=2,
        at_us=1,
    )


def test_every_channel_hears_that_all_execution_is_off_and_what_still_runs(desk) -> None:
    first, second = told(desk.database, switched(stopped=True, running=["a"]))
    assert first == second
    (text,) = first
    assert text == (
        "Ann switched off all execution of runbook steps: flags look wrong."
        " 2 waiting were cancelled. 1 that had begun runs to the end."
    )


def test_and_that_it_is_on_again(desk) -> None:
    first, _ = told(desk.database, switched(stopped=False, running=[]))
    assert first == ["Ann switched execution of runbook steps on again: flags look wrong"]


def test_a_step_that_does_not_help_calls_its_owner(desk) -> None:
    fact = StepExhausted(
        approval_id="a", incident_id="i", runbook="r", step="s", owner="payments", tries=2, at_us=1
    )
    first, _ = told(desk.database, fact)
    assert "done 2 times without recovery" in first[0]
    assert "Owner of the runbook: payments." in first[0]


def test_only_the_last_rung_pages_and_only_by_the_other_way(desk) -> None:
    rungs = [unanswered(one) for one in ("channel", "on_call", "secondary", "paging")]
    first, second = told(desk.database, *rungs)
    assert first == []
    (text,) = second
    assert text == (
        "A proposed step (R2) has waited 9 min for a decision."
        " Without an answer it expires and nothing is done."
    )
