"""Opens the form that a button asks for, while its trigger lives (about three seconds).

Nothing is decided here: what a person sends is stored and worked on like a click. Where no form can
be opened, the click itself is stored with the reason, so that the person hears of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from access.principal import Principal
from kernel.errors import TillwatchError
from kernel.outbox import PermanentFailure, RetryLater
from triage.slack.interaction import OF_STEPS, Click, Pressed, form_metadata
from triage.slack.membership import Pins
from triage.slack.modals import FormOf, modal
from triage.slack.proposal_blocks import (
    REVOCABLE,
    WAITING,
    ProposalView,
    parse_button_value,
)
from triage.slack.view import proposal_view


class People(Protocol):
    """access's way from a Slack user to a person."""

    def person_by_slack(self, team_id: str, user_id: str) -> Principal | None: ...


class Approvals(Protocol):
    """runbooks' answer about one approval. Raises NotFound."""

    def approval(self, approval_id: str) -> Any: ...


class Incidents(Protocol):
    """triage's answer about one incident. Raises NotFound."""

    def show(self, incident_id: str) -> Any: ...


class Opener(Protocol):
    """Slack. Raises RetryLater or PermanentFailure."""

    def open_form(self, trigger_id: str, view: dict[str, Any]) -> None: ...


class Forms:
    """Shared by threads."""

    def __init__(
        self,
        people: People,
        approvals: Approvals,
        incidents: Incidents,
        opener: Opener | None,
        pins: Pins,
    ) -> None:
        """`opener` None: there is no bot token."""
        self._people = people
        self._approvals = approvals
        self._incidents = incidents
        self._opener = opener
        self._pins = pins

    def pressed(self, pressed: Pressed) -> Click | None:
        """What of this click has to be stored; None where a form stands open for it now."""
        click = pressed.click
        if not click.asks_for_form or not self._is_known(click):
            return click  # of strangers the engine keeps a record
        try:
            form = self._form(click)
            view = modal(form) if form else None
            if view is None:
                return replace(click, trouble="it cannot be shown whole here: decide on its page")
            if self._opener is None:
                return replace(click, trouble="SLACK_BOT_TOKEN is not set: decide on its page")
            self._opener.open_form(pressed.trigger_id, view)
        except (TillwatchError, ValueError) as error:
            return replace(click, trouble=str(error)[:200])
        except (RetryLater, PermanentFailure):
            trouble = "Slack did not open the form: press again, or decide on its page"
            return replace(click, trouble=trouble)
        return None

    def _is_known(self, click: Click) -> bool:
        if self._pins.refusal(click):
            return False
        return self._people.person_by_slack(click.team, click.user) is not None

    def _form(self, click: Click) -> FormOf | None:
        """Raises ValueError or a TillwatchError, saying why there is nothing to fill in."""
        metadata = form_metadata(click)
        if click.action_id in OF_STEPS:
            approval_id, _ = parse_button_value(click.value)
            proposal = proposal_view(self._approvals.approval(approval_id))
            if not _has_its_time(click.action_id, proposal):
                raise ValueError(f"it is {proposal.state.replace('_', ' ')} already")
            return FormOf(click.action_id, metadata, proposal=proposal)
        incident = self._incidents.show(click.value)
        about = f"{incident.number}: {incident.title}"
        return FormOf(click.action_id, metadata, about, chosen=incident.severity)


def _has_its_time(action_id: str, proposal: ProposalView) -> bool:
    """Whether this can still be said of the step."""
    if action_id == "revoke":
        return proposal.state in REVOCABLE
    if action_id in {"step_done", "step_failed"}:
        return proposal.is_confirmable
    return proposal.state in WAITING
