"""From a stored act of a known person to the feature that owns it."""

from __future__ import annotations

from typing import Protocol

from access.principal import Principal
from kernel.clock import MINUTE_US, Clock, from_us
from kernel.errors import BadInput
from triage.slack.interaction import DECISIONS, FEEDBACK, Click
from triage.slack.modals import choices_of
from triage.slack.proposal_blocks import parse_button_value


class Decisions(Protocol):
    """runbooks' way to decide an approval."""

    def decide(
        self,
        approval_id: str,
        person: Principal,
        decision: str,
        shown_hash: str,
        reason: str = "",
        channel: str = "web",
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

    def __init__(
        self, decisions: Decisions, incidents: Incidents, grades: Grades, clock: Clock
    ) -> None:
        self._decisions = decisions
        self._incidents = incidents
        self._grades = grades
        self._clock = clock

    def do(self, click: Click, person: Principal) -> str:
        """What the person is told about it, or "" where the card tells everybody."""
        if click.action_id in DECISIONS:
            return self._decide(click, person)
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

    def _decide(self, click: Click, person: Principal) -> str:
        approval_id, digest = parse_button_value(click.value)
        decision = "reject" if click.action_id == "reject" else "approve"
        # No reason is made up: what nobody wrote stays empty, and who needs one refuses.
        self._decisions.decide(
            approval_id, person, decision, digest, reason=click.reason, channel="slack"
        )
        return ""

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
