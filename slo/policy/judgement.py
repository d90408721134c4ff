"""What the rules say of a service now, and whether a change may go out. Pure: numbers in, words
out.

Every comparison is exact (Fractions); a budget that is not known is neither spent nor left, and a
rule over it is `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from slo.policy.rules import Action, ChangeKind, Freeze, Policy, PostmortemRule, Step


class RuleState(StrEnum):
    """`in_force`: the rule's condition holds; `unknown`: nobody can say."""

    CLEAR = "clear"
    IN_FORCE = "in_force"
    UNKNOWN = "unknown"


class Effect(StrEnum):
    """What a rule does to the change that is asked about."""

    NONE = "none"
    CONDITION = "condition"
    REFUSE = "refuse"
    UNKNOWN = "unknown"


class ServiceState(StrEnum):
    """The worst that any rule says of a service, in the order of `_ORDER`."""

    OK = "ok"
    NOTIFY = "notify"
    POSTMORTEM = "postmortem"
    REQUIRE_APPROVAL = "require_approval"
    SLOW_DOWN = "slow_down"
    UNKNOWN = "unknown"
    FROZEN = "frozen"


class Outcome(StrEnum):
    """The gate's answer."""

    PASS = "pass"  # noqa: S105 - a verdict, no password
    REFUSED = "refused"
    UNKNOWN = "unknown"


_ORDER = tuple(ServiceState)
_STEP_STATES: Mapping[Action, ServiceState] = {
    Action.NOTIFY: ServiceState.NOTIFY,
    Action.REQUIRE_APPROVAL: ServiceState.REQUIRE_APPROVAL,
    Action.SLOW_DOWN: ServiceState.SLOW_DOWN,
}


@dataclass(frozen=True)
class BudgetLeft:
    """One objective's budget: `left` is signed, exact; `unknown` says why it is not known ("" = it
    is).

    `bad` and `allowed` are attempts of the window (or bad slices, where the objective counts
    slices).
    """

    objective_id: str
    name: str
    left: Fraction | None
    bad: int = 0
    allowed: Fraction = Fraction(0)
    unknown: str = ""


@dataclass(frozen=True)
class IncidentSpend:
    """What one incident spent of one objective's budget.

    `share` is of the objective's window that ends with the incident, `share_4w` of the four weeks
    that do; None where nothing was counted then. `link` is its postmortem, "" while there is none.
    """

    incident_id: str
    number: int
    objective_id: str
    onset_us: int
    resolved_us: int | None
    bad: int
    share: Fraction | None
    share_4w: Fraction | None
    link: str = ""


@dataclass(frozen=True)
class RuleFinding:
    """One rule looked at for one objective (and, of a postmortem rule, one incident).

    `left` or `share` is the number that was compared with `threshold`.
    """

    rule: str
    policy: str
    kind: Literal["freeze", "step", "postmortem"]
    objective_id: str
    state: RuleState
    effect: Effect
    reason: str
    threshold: Fraction
    left: Fraction | None = None
    spend: IncidentSpend | None = None
    service_state: ServiceState = ServiceState.OK
    excepted: bool = False


@dataclass(frozen=True)
class Situation:
    """Everything the rules are judged on. `faults`: why the policies cannot be used ("" = they
    can).
    """

    service: str
    budgets: Sequence[BudgetLeft]
    spends: Sequence[IncidentSpend] = ()
    policies: Sequence[Policy] = ()
    faults: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer for one service and one kind of change.

    `allowed` is what the exit code says; `override` is the id of the override that let it pass.
    """

    outcome: Outcome
    allowed: bool
    state: ServiceState
    reasons: tuple[str, ...]
    conditions: tuple[str, ...]
    findings: tuple[RuleFinding, ...] = field(default=())
    override: str = ""


def judge(situation: Situation, change: ChangeKind, override: str = "") -> Verdict:
    """The gate's answer. `override`: id of an override in force for the service.

    Refused beats unknown, unknown beats pass. Unknown is not allowed, except where every policy in
    question says so with a reason. An override lets everything pass and changes no finding.
    """
    findings = tuple(look(situation, change))
    refusals = [one.reason for one in findings if one.effect is Effect.REFUSE]
    unknowns, waived = _unknowns(situation, findings)
    conditions = tuple(
        dict.fromkeys(one.reason for one in findings if one.effect is Effect.CONDITION)
    )
    state = state_of(situation, findings)
    if override:
        reasons = (*dict.fromkeys(refusals), *unknowns)
        return Verdict(Outcome.PASS, True, state, reasons, conditions, findings, override)
    if refusals:
        reasons = (*dict.fromkeys(refusals), *unknowns)
        steps = {one.reason for one in findings if one.kind == "step"}
        others = tuple(one for one in conditions if one not in steps)
        return Verdict(Outcome.REFUSED, False, state, reasons, others, findings)
    if unknowns:
        return Verdict(Outcome.UNKNOWN, False, state, unknowns, conditions, findings)
    if waived:
        return Verdict(Outcome.UNKNOWN, True, state, waived, conditions, findings)
    return Verdict(Outcome.PASS, True, state, (), conditions, findings)


def look(situation: Situation, change: ChangeKind) -> Iterable[RuleFinding]:
    """Every rule that is about the service, with what it says of this kind of change."""
    if situation.faults:
        return
    for policy in situation.policies:
        for budget in situation.budgets:
            if not policy.covers(situation.service, budget.objective_id):
                continue
            yield from (_freeze(policy, rule, budget, change) for rule in policy.freezes)
            frozen = any(
                _reached(budget, one.at_budget_left) is RuleState.IN_FORCE for one in policy.freezes
            )
            yield from _steps(policy, budget, frozen=frozen)
            for rule in policy.postmortems:
                yield from _postmortems(policy, rule, budget, situation.spends, change)


def state_of(situation: Situation, findings: Iterable[RuleFinding]) -> ServiceState:
    """The worst state that a rule in force gives the service."""
    states = [one.service_state for one in findings]
    if situation.faults or uncovered(situation):
        states.append(ServiceState.UNKNOWN)
    return max(states, key=_ORDER.index, default=ServiceState.OK)


def uncovered(situation: Situation) -> list[str]:
    """Objectives of the service that no policy is about."""
    return [
        budget.name
        for budget in situation.budgets
        if not any(one.covers(situation.service, budget.objective_id) for one in situation.policies)
    ]


def share_words(share: Fraction) -> str:
    """`12.5 %`: at most two digits, cut and never rounded onto a whole it has not reached."""
    hundredths = int(abs(share) * 10_000)
    text = f"{hundredths // 100}.{hundredths % 100:02d}".rstrip("0").rstrip(".")
    if share and not hundredths:
        text = "less than 0.01"
    return f"{'-' if share < 0 and hundredths else ''}{text} %"


def _freeze(policy: Policy, rule: Freeze, budget: BudgetLeft, change: ChangeKind) -> RuleFinding:
    excepted = change in rule.except_for
    state = _reached(budget, rule.at_budget_left)
    effect, service_state, reason = Effect.NONE, ServiceState.OK, ""
    if state is RuleState.UNKNOWN:
        service_state = ServiceState.UNKNOWN
        # Whatever the budget is, an excepted change may pass: nothing hangs on the missing number.
        effect = Effect.NONE if excepted else Effect.UNKNOWN
        reason = f"{budget.name}: it is not known how much budget is left ({budget.unknown})"
    elif state is RuleState.IN_FORCE:
        service_state = ServiceState.FROZEN
        effect = Effect.NONE if excepted else Effect.REFUSE
        reason = f"{budget.name}: {_left_words(budget)}, changes stop at {_at(rule.at_budget_left)}"
        if excepted:
            reason += f"; {change} changes are excepted"
    else:
        reason = f"{budget.name}: {_left_words(budget)}, changes stop at {_at(rule.at_budget_left)}"
    return RuleFinding(
        rule=rule.id,
        policy=policy.name,
        kind="freeze",
        objective_id=budget.objective_id,
        state=state,
        effect=effect,
        reason=reason,
        threshold=rule.at_budget_left,
        left=budget.left,
        service_state=service_state,
        excepted=excepted and state is not RuleState.CLEAR,
    )


def _steps(policy: Policy, budget: BudgetLeft, *, frozen: bool) -> Iterable[RuleFinding]:
    """Each step; of several in force only the lowest tells people what to do."""
    lowest = next(
        (one for one in policy.steps if _reached(budget, one.at_budget_left) is RuleState.IN_FORCE),
        None,
    )
    for step in policy.steps:
        found = _step(policy, step, budget, told=step is lowest)
        # Where a freeze is in force too, its reason tells the number already.
        yield (
            replace(found, reason=f"{budget.name}: {step.say}")
            if frozen and step is lowest
            else found
        )


def _step(policy: Policy, rule: Step, budget: BudgetLeft, *, told: bool) -> RuleFinding:
    state = _reached(budget, rule.at_budget_left)
    if state is RuleState.UNKNOWN:
        reason = f"{budget.name}: it is not known how much budget is left ({budget.unknown})"
    else:
        reason = f"{budget.name}: {_left_words(budget)}, the step is at {_at(rule.at_budget_left)}"
    if told:
        reason = f"{budget.name}: {_left_words(budget)}. {rule.say}"
    return RuleFinding(
        rule=rule.id,
        policy=policy.name,
        kind="step",
        objective_id=budget.objective_id,
        state=state,
        effect=Effect.CONDITION if told else Effect.NONE,
        reason=reason,
        threshold=rule.at_budget_left,
        left=budget.left,
        service_state=_STEP_STATES[rule.action] if told else ServiceState.OK,
    )


def _postmortems(
    policy: Policy,
    rule: PostmortemRule,
    budget: BudgetLeft,
    spends: Iterable[IncidentSpend],
    change: ChangeKind,
) -> Iterable[RuleFinding]:
    for spend in spends:
        if spend.objective_id == budget.objective_id:
            yield _postmortem(policy, rule, budget, spend, change)


def _postmortem(
    policy: Policy,
    rule: PostmortemRule,
    budget: BudgetLeft,
    spend: IncidentSpend,
    change: ChangeKind,
) -> RuleFinding:
    named = f"{budget.name}: INC-{spend.number}"
    effect, service_state = Effect.NONE, ServiceState.OK
    excepted = change in rule.except_for
    if spend.share is None:
        state = RuleState.UNKNOWN
        reason = f"{named} cannot be weighed: nothing was counted in the window that it ended"
    elif spend.share > rule.incident_spends and not spend.link:
        state = RuleState.IN_FORCE
        service_state = ServiceState.POSTMORTEM
        refuse = rule.refuse_until_done and not excepted
        effect = Effect.REFUSE if refuse else Effect.CONDITION
        reason = (
            f"{named} spent {share_words(spend.share)} of the budget: its postmortem is missing"
        )
    else:
        state = RuleState.CLEAR
        done = "; its postmortem is written" if spend.link else ""
        reason = f"{named} spent {share_words(spend.share)} of the budget{done}"
    return RuleFinding(
        rule=rule.id,
        policy=policy.name,
        kind="postmortem",
        objective_id=budget.objective_id,
        state=state,
        effect=effect,
        reason=reason,
        threshold=rule.incident_spends,
        spend=spend,
        service_state=service_state,
        excepted=excepted and state is RuleState.IN_FORCE and rule.refuse_until_done,
    )


def _unknowns(
    situation: Situation, findings: Sequence[RuleFinding]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(why the answer is unknown, why that is let pass): the second only where all of it may be."""
    if situation.faults:
        return (situation.faults,), ()
    missing = uncovered(situation)
    reasons = [f"no policy covers {name}" for name in missing]
    by_name = {one.name: one for one in situation.policies}
    waived = []
    for one in findings:
        if one.effect is not Effect.UNKNOWN:
            continue
        waiver = by_name[one.policy].no_data_reason
        if waiver:
            waived.append(f"{one.reason}; the policy lets it pass: {waiver}")
        else:
            reasons.append(one.reason)
    return tuple(dict.fromkeys(reasons)), tuple(dict.fromkeys(waived))


def _reached(budget: BudgetLeft, threshold: Fraction) -> RuleState:
    if budget.unknown or budget.left is None:
        return RuleState.UNKNOWN
    return RuleState.IN_FORCE if budget.left <= threshold else RuleState.CLEAR


def _left_words(budget: BudgetLeft) -> str:
    left = budget.left or Fraction(0)
    if left < 0:
        return f"the budget is overspent by {share_words(-left)}"
    return f"{share_words(left)} of the budget is left"


def _at(threshold: Fraction) -> str:
    return share_words(threshold)
