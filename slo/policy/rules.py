"""What a budget policy says, once its file is read and checked. Pure data.

The rules are those of the Site Reliability Workbook's example policy (its appendix B): stop changes
while the budget is spent, except P0 and security; a postmortem where one incident spends more than
20 % of it; and steps before that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class ChangeKind(StrEnum):
    """What a change is for, as the pipeline says it."""

    FEATURE = "feature"
    FIX = "fix"
    P0 = "p0"
    SECURITY = "security"


class Action(StrEnum):
    """What people do once a step is reached; code only tells them."""

    NOTIFY = "notify"
    REQUIRE_APPROVAL = "requireApproval"
    SLOW_DOWN = "slowDown"


ACTION_TEXTS: Mapping[Action, str] = {
    Action.NOTIFY: "Tell the owners of the service before you deploy.",
    Action.REQUIRE_APPROVAL: "Have a second person approve the deploy.",
    Action.SLOW_DOWN: "Deploy one change at a time and watch each before the next.",
}


@dataclass(frozen=True)
class Freeze:
    """Refuses changes while the share of the budget left is at or below `at_budget_left`."""

    id: str
    at_budget_left: Fraction
    except_for: frozenset[ChangeKind]


@dataclass(frozen=True)
class Step:
    """A condition for people while the share of the budget left is at or below the threshold."""

    id: str
    at_budget_left: Fraction
    action: Action
    say: str


@dataclass(frozen=True)
class PostmortemRule:
    """One incident that spends more than `incident_spends` of the budget needs a postmortem.

    Where `refuse_until_done`, changes other than `except_for` are refused until it is written.
    """

    id: str
    incident_spends: Fraction
    refuse_until_done: bool
    except_for: frozenset[ChangeKind]


@dataclass(frozen=True)
class Policy:
    """One file's object. Empty `services` and `objectives`: it holds for all of them.

    `no_data_reason` is empty where the gate refuses while budgets are unknown (the default), else
    the written reason why it lets changes pass.
    """

    name: str
    display_name: str
    services: frozenset[str] = frozenset()
    objectives: frozenset[str] = frozenset()
    freezes: tuple[Freeze, ...] = ()
    steps: tuple[Step, ...] = ()
    postmortems: tuple[PostmortemRule, ...] = ()
    no_data_reason: str = ""

    def covers(self, service: str, objective_id: str) -> bool:
        """True where the objective is under this policy."""
        in_services = not self.services or service in self.services
        return in_services and (not self.objectives or objective_id in self.objectives)
