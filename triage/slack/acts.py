"""From a stored act of a known person to the feature that owns it."""

from __future__ import annotations

from typing import Protocol

from access.principal import Principal
from kernel.clock import MINUTE_US, Clock, from_us
from kernel.errors import BadInput
from triage.slack.interaction import FEEDBACK, OF_STEPS, Click
from triage.slack.modals import choices_of
from triage.slack.proposal_blocks import parse_button_value


class Steps(Protocol):
    """runbooks' ways to decide a step, to take that back, and to say what became of it."""

    def decide(
        self,
        approval_id: str,
        person: Principal,
        decision: str,
        shown_hash: str,
        reason: str = "",
        channel: str = "web",
    ) -> object: ...
    def revoke(
        self, approval_id: str, person: Principal, reason: str, channel: str = "web"
    ) -> object: ...
    def confirm(
        self, approval_id: str, person: Principal, outcome: str, reason: str = ""
    ) -> object: ...


class Incidents(Protocol):
    """What triage lets people do with an incident."""

    def acknowledge(self, incident_id: str, person: Principal) -> object: ...
    def take_over(self, incident_id: str, person: Principal) -> object: ...
    def hand_over(
        self, incident_id: str, person: Principal, to_person_id: str, note: str
    ) -> object: ...
    def silence(
        self, incident_id: str, person: Principal, until_us: int, reason: str
    ) -> object: ...
    def end_silence(self, incident_id: str, person: Principal) -> object: ...
    def change_severity(
        self, incident_id: str, person: Principal, severity: str, reason: str
    ) -> object: ...
    def not_an_incident(self, incident_id: str, person: Principal, reason: str) -> object: ...


class Grades(Protocol):
    """Where people say whether a brief was right."""

    def grade(self, incident_id: str, revision: int, person: Principal, verdict: str) -> None: ...


class Acts:
    """Does what was asked. Raises TillwatchError or ValueError, saying why it was not done."""

    def __init__(self, steps: Steps, incidents: Incidents, grades: Grades, clock: Clock) -> None:
        self._steps = steps
        self._incidents = incidents
        self._grades = grades
        self._clock = clock

    def do(self, click: Click, person: Principal) -> str:
        """What the person is told about it, or "" where the card tells everybody."""
        if click.action_id in OF_STEPS:
            self._say_of_step(click, person)
            return ""
        if click.action_id in FEEDBACK:
            return self._grade(click, person)
        match click.action_id:
            case "acknowledge":
                self._incidents.acknowledge(click.value, person)
            case "take_over":
                self._incidents.take_over(click.value, person)
            case "hand_over":
                self._incidents.hand_over(click.value, person, click.choice, click.reason)
            case "silence":
                return self._silence(click, person)
            case "end_silence":
                self._incidents.end_silence(click.value, person)
            case "severity":
                _known(click)
                self._incidents.change_severity(click.value, person, click.choice, click.reason)
            case "not_incident":
                self._incidents.not_an_incident(click.value, person, click.reason)
            case _:
                raise BadInput(f"there is no act {click.action_id[:40]!r}", path="action_id")
        return ""

    def _say_of_step(self, click: Click, person: Principal) -> None:
        approval_id, digest = parse_button_value(click.value)
        reason = click.reason
        match click.action_id:
            case "revoke":
                self._steps.revoke(approval_id, person, reason, channel="slack")
            case "step_done":
                self._steps.confirm(approval_id, person, "done", reason)
            case "step_failed":
                self._steps.confirm(approval_id, person, "failed", reason)
            case "reject":
                self._steps.decide(approval_id, person, "reject", digest, reason, "slack")
            case _:
                # No reason is made up: what nobody wrote stays empty, and who needs one refuses.
                self._steps.decide(approval_id, person, "approve", digest, reason, "slack")

    def _grade(self, click: Click, person: Principal) -> str:
        incident_id, _, revision = click.value.partition(":")
        if not revision.isdecimal() or len(revision) > 9:
            raise ValueError("not a feedback button of ours")
        verdict = FEEDBACK[click.action_id]
        self._grades.grade(incident_id, int(revision), person, verdict)
        return f"Thank you: brief {int(revision)} is recorded as {verdict}."

    def _silence(self, click: Click, person: Principal) -> str:
        _known(click)
        until_us = self._clock.now_us() + int(click.choice) * MINUTE_US
        self._incidents.silence(click.value, person, until_us, click.reason)
        return f"Silenced until {from_us(until_us):%H:%M} UTC."


def _known(click: Click) -> None:
    if click.choice not in choices_of(click.action_id):
        raise BadInput("choose one of the list", path="choice")
