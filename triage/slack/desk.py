"""Answers slash commands from stored state; what acts is handed on to be stored like a click."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from access.principal import READERS, Principal
from kernel.errors import BadInput, NotFound, TillwatchError
from triage.schemas import IncidentLine, IncidentOut
from triage.slack import answers
from triage.slack.card import Message
from triage.slack.command import ACTING, NAME, WORDS, Command
from triage.slack.interaction import Click
from triage.slack.proposal_blocks import WAITING
from triage.slack.refusals import Refusals
from triage.slack.view import impact_lines, owner_of

_MAX_OPEN = 200


class People(Protocol):
    """access's way to persons."""

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None: ...
    def person_id_of(self, name: str) -> str | None: ...
    def name_of(self, person_id: str) -> str: ...


class Incidents(Protocol):
    """triage's answers. Raise NotFound."""

    def list(self, state: str | None = None, limit: int = 100) -> Sequence[IncidentLine]: ...
    def show(self, incident_id: str) -> IncidentOut: ...


class Approvals(Protocol):
    """runbooks' answers."""

    def approvals(
        self, incident_id: str | None = None, state: str | None = None
    ) -> Sequence[Any]: ...


class Budgets(Protocol):
    """slo's answers. Raise NotFound."""

    def list(self) -> Sequence[Any]: ...
    def show(self, objective_id: str) -> Any: ...


@dataclass(frozen=True)
class Reading:
    """Where the answers come from."""

    people: People
    incidents: Incidents
    approvals: Approvals
    budgets: Budgets


class CommandDesk:
    """Shared by threads."""

    def __init__(self, reading: Reading, refusals: Refusals, public_url: str) -> None:
        self._reading = reading
        self._refusals = refusals
        self._url = public_url.rstrip("/")

    def answer(self, command: Command) -> tuple[Message, Click | None]:
        """What only the asker sees, and the act that has to be stored, if it is one."""
        why = self._refusals.pins.refusal(command)
        person = self._reading.people.person_by_slack(command.team, command.user)
        if not why and person is None:
            why = "no person is linked to this Slack user"
        if not why and person is not None and not person.has(*READERS):
            why = "this person may not read incidents"
        if why:
            self._refusals.deny(command, why, f"command {command.word or 'unknown'}")
            said = f"Not answered: {why}. An admin links people: tillwatch person link-slack."
            return answers.answer([said, f"You are {command.user} of {command.team}."]), None
        try:
            if command.word in ACTING:
                return self._act(command)
            return self._read(command), None
        except TillwatchError as error:
            return answers.answer([f"{error.message}. {error.hint}".strip()]), None

    def _read(self, command: Command) -> Message:
        match command.word:
            case "status" if not command.subject:
                listed = self._reading.incidents.list(limit=_MAX_OPEN)
                return answers.answer(answers.status_lines(listed), f"{self._url}/incidents")
            case "status":
                found = self._reading.incidents.show(command.subject)
                owner = self._reading.people.name_of(owner_of(found))
                lines = answers.incident_lines(found, impact_lines(found.impact), owner)
                return answers.answer(lines, self._page(found))
            case "why":
                found = self._incident(command)
                return answers.answer(answers.why_lines(found), self._page(found))
            case "evidence":
                found = self._incident(command)
                return answers.answer(answers.evidence_lines(found), self._page(found))
            case "budget":
                return answers.answer(answers.budget_lines(self._objectives(command)), self._url)
            case "approvals":
                lines = answers.approval_lines(self._waiting())
                return answers.answer(lines, f"{self._url}/incidents")
            case "help":
                return answers.answer(answers.help_text(command.team, command.user))
            case _:
                known = ", ".join(WORDS)
                return answers.answer([f"There is no such word. {NAME} knows: {known}."])

    def _act(self, command: Command) -> tuple[Message, Click | None]:
        if not command.subject:
            raise BadInput(f"say {NAME} {WORDS[command.word][0]}", path="text")
        found = self._reading.incidents.show(command.subject)
        to = self._receiver(command) if command.word == "handover" else ""
        click = Click(
            team=command.team,
            user=command.user,
            channel=command.channel,
            message_ts="",
            action_id="hand_over" if command.word == "handover" else "take_over",
            # A command that is delivered again has the same trigger.
            action_ts=command.trigger_id,
            value=found.id,
            app=command.app,
            enterprise=command.enterprise,
            reason=command.note,
            choice=to,
        )
        said = (
            f"{found.number}: noted. Its card shows it; you hear of it here if it cannot be done."
        )
        return answers.answer([said], self._page(found)), click

    def _receiver(self, command: Command) -> str:
        people = self._reading.people
        if command.mention:
            person = people.person_by_slack(command.team, command.mention)
            person_id = person.person_id if person else None
        else:
            person_id = people.person_id_of(command.name)
        if person_id is None:
            raise NotFound(
                "that is nobody Tillwatch knows", hint="name a linked Slack user or a person"
            )
        return person_id

    def _incident(self, command: Command) -> IncidentOut:
        """The one that was named, or the only one that is not over."""
        if command.subject:
            return self._reading.incidents.show(command.subject)
        running = [
            one for one in self._reading.incidents.list(limit=_MAX_OPEN) if one.state != "resolved"
        ]
        if len(running) != 1:
            count = len(running) or "no"
            raise BadInput(f"say which incident: {count} are open", path="text")
        return self._reading.incidents.show(running[0].id)

    def _waiting(self) -> Sequence[Any]:
        approvals = self._reading.approvals
        return [one for state in sorted(WAITING) for one in approvals.approvals(state=state)]

    def _objectives(self, command: Command) -> Sequence[Any]:
        if not command.subject:
            return self._reading.budgets.list()
        return [self._reading.budgets.show(command.subject)]

    def _page(self, incident: IncidentOut) -> str:
        return f"{self._url}/incidents/{incident.number}"
