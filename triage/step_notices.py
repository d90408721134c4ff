"""Tells the channels what concerns no single card: execution off or on, and steps that do not help.

A page for an approval that nobody answers goes to the second channel, which is another way to reach
people than the one in which they did not answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlmodel import Session

from kernel.facts import Fact, Subscription
from kernel.facts.runbooks import ApprovalUnanswered, ExecutionSwitched, StepExhausted

_SUBSCRIBER = "triage.step_notices"
_MAX_REASON = 300
Notice = Callable[[Session, str, str], None]


def subscription(every: Sequence[Notice], second: Notice) -> Subscription:
    """`every`: the channels that are set; `second`: the one that reaches people otherwise."""

    def told(session: Session, fact: Any) -> None:
        if isinstance(fact, ApprovalUnanswered):
            if fact.rung == "paging":
                second(session, f"unanswered:{fact.approval_id}", unanswered_text(fact))
            return
        exhausted = isinstance(fact, StepExhausted)
        key = f"exhausted:{fact.approval_id}" if exhausted else f"execution:{fact.at_us}"
        text = exhausted_text(fact) if exhausted else switched_text(fact)
        for notice in every:
            notice(session, key, text)

    facts: list[type[Fact]] = [ApprovalUnanswered, ExecutionSwitched, StepExhausted]
    return Subscription(_SUBSCRIBER, facts, told)


def switched_text(fact: ExecutionSwitched) -> str:
    """For people in a channel."""
    reason = fact.reason[:_MAX_REASON]
    if not fact.stopped:
        return f"{fact.by} switched execution of runbook steps on again: {reason}"
    running = len(fact.running)
    still = f" {running} that had begun run{'s' * (running == 1)} to the end." if running else ""
    return (
        f"{fact.by} switched off all execution of runbook steps: {reason}."
        f" {fact.cancelled} waiting were cancelled.{still}"
    )


def exhausted_text(fact: StepExhausted) -> str:
    """For people in a channel."""
    times = "once" if fact.tries == 1 else f"{fact.tries} times"
    whom = f" Owner of the runbook: {fact.owner}." if fact.owner else ""
    return (
        f"The step {fact.runbook} / {fact.step} was done {times} without recovery and is not"
        f" proposed again: a person has to look.{whom}"
    )


def unanswered_text(fact: ApprovalUnanswered) -> str:
    """For whoever is paged."""
    return (
        f"A proposed step ({fact.tier}) has waited {fact.waited_s // 60} min for a decision."
        " Without an answer it expires and nothing is done."
    )
