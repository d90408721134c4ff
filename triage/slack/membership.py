"""Whose Slack account it is that acts: only full members of our own workspace count.

Who a person is, and what they may do, is said by access alone; this only says whether Slack still
vouches for the account. Names and e-mail addresses of Slack's are never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kernel.clock import SECOND_US, Clock
from triage.slack.settings import SlackSettings

_KNOWN_FOR_US = 60 * SECOND_US
_MAX_KNOWN = 1_000


class Sender(Protocol):
    """What somebody in Slack sent, as far as it says where from: a click, a form, a command."""

    @property
    def team(self) -> str: ...
    @property
    def user(self) -> str: ...
    @property
    def app(self) -> str: ...
    @property
    def enterprise(self) -> str: ...


@dataclass(frozen=True)
class Pins:
    """The one workspace and app that are ours; "" where a setting does not say."""

    team: str = ""
    app: str = ""
    enterprise: str = ""

    @classmethod
    def of(cls, settings: SlackSettings) -> Pins:
        """As the settings say."""
        return cls(settings.slack_team_id, settings.slack_app_id, settings.slack_enterprise_id)

    def refusal(self, sender: Sender) -> str:
        """Why this does not come from our workspace and app, or ""."""
        if self.team and sender.team != self.team:
            return "it comes from another workspace"
        if self.app and sender.app != self.app:
            return "it comes from another app"
        if self.enterprise and sender.enterprise != self.enterprise:
            return "it comes from another organisation"
        return ""


def account_refusal(account: Mapping[str, Any], team: str) -> str:
    """Why this account of users.info may not act, or "". Pure."""
    if account.get("deleted"):
        return "the Slack account is deactivated"
    if account.get("is_bot") or account.get("is_workflow_bot"):
        return "bots decide nothing"
    if account.get("is_restricted") or account.get("is_ultra_restricted"):
        return "guests decide nothing"
    if account.get("is_stranger") or account.get("team_id", team) != team:
        return "the account belongs to another workspace"
    return ""


class Accounts(Protocol):
    """Slack's word about an account. Raises RetryLater or PermanentFailure."""

    def account(self, user: str) -> Mapping[str, Any] | None: ...


class Membership:
    """Asks Slack, and remembers for a minute. Not for several threads."""

    def __init__(self, accounts: Accounts, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[int, str]] = {}

    def refusal(self, team: str, user: str) -> str:
        """Why this account may not act, or "". Raises RetryLater where Slack cannot say, and
        PermanentFailure where it will not (a missing scope).
        """
        now_us = self._clock.now_us()
        known = self._known.get((team, user))
        if known is not None and now_us - known[0] < _KNOWN_FOR_US:
            return known[1]
        account = self._accounts.account(user)
        why = account_refusal(account, team) if account else "Slack does not know the account"
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[(team, user)] = (now_us, why)
        return why
