"""The policy: risk tiers, who must agree, and for how long. Code, pure, and versioned.

What a runbook file declares can only be raised here, never lowered. What a model says about risk
is not read at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import rfc8785

from access.principal import Role
from runbooks.runbook import Step, StepKind, Tier


@dataclass(frozen=True)
class Quorum:
    """How many different people, one of whom has one of `one_of`; all have one of `roles`.

    `independent`: one of them neither proposed the step nor made the change that it is about.
    """

    people: int
    roles: tuple[Role, ...]
    one_of: tuple[Role, ...]
    expires_s: int
    reason_required: bool
    independent: bool = False


_DECIDERS = (Role.RESPONDER, Role.APPROVER, Role.OWNER)

QUORUMS: dict[Tier, Quorum] = {
    Tier.R1: Quorum(1, _DECIDERS, _DECIDERS, 900, reason_required=False),
    Tier.R2: Quorum(1, _DECIDERS, _DECIDERS, 600, reason_required=True),
    Tier.R3: Quorum(
        2,
        (Role.APPROVER, Role.OWNER),
        (Role.OWNER,),
        600,
        reason_required=True,
        independent=True,
    ),
}


@dataclass(frozen=True)
class Voter:
    """One person who said yes, with the roles held at that moment (and still today)."""

    person_id: str
    roles: frozenset[Role]


def tier_of(step: Step) -> Tier:
    """The tier that counts: the highest of what is declared and what the code knows.

    A flag changes what customers get: at least R2. A writing request: at least R1, R2 with effect
    on customers. Anything that writes without a way back: at least R3.
    """
    floor = Tier.R0
    writes = step.kind is StepKind.FLAG or (step.http is not None and step.http.method != "GET")
    if writes:
        floor = Tier.R2 if step.kind is StepKind.FLAG or step.customer_effect else Tier.R1
        if not step.has_undo:
            floor = Tier.R3
    return max(floor, step.tier, key=lambda tier: tier.rank)


def is_executable(tier: Tier) -> bool:
    """Whether it may be proposed for a decision: R0 needs none, R4 is shown as text only."""
    return tier in QUORUMS


def may_decide(tier: Tier, roles: Iterable[Role]) -> bool:
    """Whether a person with these roles has a vote on this tier."""
    quorum = QUORUMS.get(tier)
    return quorum is not None and any(role in quorum.roles for role in roles)


def quorum_met(tier: Tier, voters: Iterable[Voter], near: Iterable[str] = ()) -> bool:
    """Whether enough different, entitled people agreed. One person counts once.

    `near`: ids of whoever proposed the step or made the last change; where the tier asks for it,
    they alone are no quorum.
    """
    quorum = QUORUMS.get(tier)
    if quorum is None:
        return False
    entitled = {voter.person_id: voter for voter in voters if may_decide(tier, voter.roles)}
    has_one = any(role in quorum.one_of for voter in entitled.values() for role in voter.roles)
    apart = not quorum.independent or bool(entitled.keys() - set(near))
    return len(entitled) >= quorum.people and has_one and apart


def missing_text(tier: Tier, voters: Iterable[Voter], near: Iterable[str] = ()) -> str:
    """What the quorum still waits for, for people."""
    quorum = QUORUMS[tier]
    counted = {one.person_id: one for one in voters if may_decide(tier, one.roles)}
    left = max(0, quorum.people - len(counted))
    wanted = []
    if not any(role in quorum.one_of for one in counted.values() for role in one.roles):
        wanted.append(" or ".join(quorum.one_of))
    apart = set(near)
    if quorum.independent and apart and not counted.keys() - apart:
        wanted.append("somebody who neither proposed it nor made the last change")
    if left == 0:
        return f"one of them must be {', and one '.join(wanted)}"
    whom = f", at least one {', and one '.join(wanted)}" if wanted else ""
    return f"{left} more {'person' if left == 1 else 'people'}{whom}"


def _version() -> str:
    table = {
        tier.value: {
            "people": quorum.people,
            "roles": [role.value for role in quorum.roles],
            "one_of": [role.value for role in quorum.one_of],
            "expires_s": quorum.expires_s,
            "reason_required": quorum.reason_required,
            "independent": quorum.independent,
        }
        for tier, quorum in QUORUMS.items()
    }
    rules: dict[str, Any] = {
        "v": 1,
        "quorums": table,
        "flag": "R2",
        "write": "R1",
        "effect": "R2",
        "no_undo": "R3",
    }
    return hashlib.sha256(rfc8785.dumps(rules)).hexdigest()[:16]


POLICY_VERSION = _version()
