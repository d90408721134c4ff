"""From judgements to the JSON that is answered, and the sentence people read first. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Literal

from kernel.clock import rfc3339
from slo.policy.catalogue import PolicySet
from slo.policy.judgement import (
    IncidentSpend,
    Outcome,
    RuleFinding,
    RuleState,
    Situation,
    Verdict,
    share_words,
)
from slo.policy.models import OverrideRow
from slo.policy.rules import ChangeKind, Policy
from slo.policy.schemas import (
    BudgetOut,
    GateOut,
    OverrideOut,
    PolicyOut,
    PostmortemOut,
    RuleOut,
    SpendOut,
)

_KIND_NAMES: Mapping[ChangeKind, str] = {
    ChangeKind.FEATURE: "new features",
    ChangeKind.FIX: "fixes",
    ChangeKind.P0: "fixes of a P0",
    ChangeKind.SECURITY: "security fixes",
}
_KINDS: Mapping[ChangeKind, str] = {
    ChangeKind.FEATURE: "new feature of",
    ChangeKind.FIX: "fix of",
    ChangeKind.P0: "fix of a P0 in",
    ChangeKind.SECURITY: "security fix of",
}


def gate_out(
    situation: Situation,
    verdict: Verdict,
    change: ChangeKind,
    override: OverrideOut | None,
    policies: PolicySet,
    now_us: int,
) -> GateOut:
    """Everything that was looked at, and the answer."""
    return GateOut(
        service=situation.service,
        change_kind=change.value,
        outcome=verdict.outcome.value,
        allowed=verdict.allowed,
        state=verdict.state.value,
        sentence=sentence(situation.service, verdict, change, override),
        reasons=list(verdict.reasons),
        conditions=list(verdict.conditions),
        override=override,
        budgets=[
            BudgetOut(
                objective=one.objective_id,
                name=one.name,
                budget_left=_number(one.left),
                bad=one.bad,
                allowed=float(one.allowed),
                unknown=one.unknown,
            )
            for one in situation.budgets
        ],
        rules=[_rule(one) for one in verdict.findings],
        problems=[one.as_dict() for one in policies.problems],
        at=rfc3339(now_us),
    )


def sentence(
    service: str, verdict: Verdict, change: ChangeKind, override: OverrideOut | None
) -> str:
    """What a person deploying is told, in one sentence."""
    what = f"A {_KINDS[change]} {service}"
    first = verdict.reasons[0] if verdict.reasons else ""
    more = f" (and {len(verdict.reasons) - 1} more)" if len(verdict.reasons) > 1 else ""
    if override is not None:
        why = f", although {first}{more}" if first else ""
        until = f"{override.expires_at[:16].replace('T', ' ')} UTC"
        return f"{what} may go out: {override.by} overrides the policy until {until}{why}."
    if verdict.outcome is Outcome.REFUSED:
        return f"{what} must wait: {first}{more}."
    if verdict.outcome is Outcome.UNKNOWN and verdict.allowed:
        return f"{what} may go out without data: {first}{more}."
    if verdict.outcome is Outcome.UNKNOWN:
        return f"{what} must wait, because nobody can say whether it is safe: {first}{more}."
    count = len(verdict.conditions)
    under = f"under {count} {'condition' if count == 1 else 'conditions'}" if count else ""
    if any(one.excepted for one in verdict.findings):
        return f"{what} may go out: the policy excepts {change} changes" + (
            f" ({under})." if under else "."
        )
    return f"{what} may go out{', ' if under else ''}{under}."


def policy_out(policy: Policy) -> PolicyOut:
    """A policy's rules as people read them."""
    rules = [
        f"Changes stop while {_at_most(one.at_budget_left)}{_except(one.except_for)}."
        for one in policy.freezes
    ]
    rules += [f"While {_at_most(one.at_budget_left)}: {one.say}" for one in reversed(policy.steps)]
    for rule in policy.postmortems:
        until = f"; until then changes stop{_except(rule.except_for)}"
        rules.append(
            f"An incident that spends more than {share_words(rule.incident_spends)} of a budget"
            f" needs a postmortem{until if rule.refuse_until_done else ''}."
        )
    if policy.no_data_reason:
        rules.append(f"Changes pass while there is no data: {policy.no_data_reason}")
    else:
        rules.append("Changes stop while nobody can say how much budget is left.")
    return PolicyOut(
        name=policy.name,
        display_name=policy.display_name,
        services=sorted(policy.services),
        objectives=sorted(policy.objectives),
        rules=rules,
    )


def override_out(row: OverrideRow, now_us: int) -> OverrideOut:
    """An override with its state now."""
    state: Literal["active", "expired", "revoked"] = "active"
    if row.revoked_us is not None:
        state = "revoked"
    elif row.expires_us <= now_us:
        state = "expired"
    return OverrideOut(
        id=row.id,
        service=row.service,
        reason=row.reason,
        by=row.by_name,
        created_at=rfc3339(row.created_us),
        expires_at=rfc3339(row.expires_us),
        revoked_at=None if row.revoked_us is None else rfc3339(row.revoked_us),
        state=state,
    )


def postmortems_out(situation: Situation, findings: Sequence[RuleFinding]) -> list[PostmortemOut]:
    """The incidents that spent more than their rule allows, newest first; written ones too."""
    names = {one.objective_id: one.name for one in situation.budgets}
    found = []
    for one in findings:
        spend = one.spend
        if spend is None or spend.share is None or spend.share <= one.threshold:
            continue
        found.append(
            PostmortemOut(
                incident=f"INC-{spend.number}",
                incident_id=spend.incident_id,
                objective=spend.objective_id,
                name=names.get(spend.objective_id, spend.objective_id),
                onset_at=rfc3339(spend.onset_us),
                resolved_at=_time(spend.resolved_us),
                share=float(spend.share),
                share_4w=_number(spend.share_4w),
                threshold=float(one.threshold),
                link=spend.link,
            )
        )
    return sorted(found, key=lambda one: (one.onset_at, one.objective), reverse=True)


def _rule(one: RuleFinding) -> RuleOut:
    return RuleOut(
        rule=one.rule,
        policy=one.policy,
        kind=one.kind,
        objective=one.objective_id,
        state=one.state.value,
        effect=one.effect.value,
        excepted=one.excepted and one.state is not RuleState.CLEAR,
        threshold=float(one.threshold),
        budget_left=_number(one.left),
        spend=_spend(one.spend) if one.spend else None,
        reason=one.reason,
    )


def _spend(one: IncidentSpend) -> SpendOut:
    return SpendOut(
        incident=f"INC-{one.number}",
        incident_id=one.incident_id,
        onset_at=rfc3339(one.onset_us),
        resolved_at=_time(one.resolved_us),
        bad=one.bad,
        share=_number(one.share),
        share_4w=_number(one.share_4w),
        postmortem=one.link,
    )


def _at_most(share: Fraction) -> str:
    if share < 0:
        return f"the budget is overspent by {share_words(-share)} or more"
    return f"{share_words(share)} of the budget or less is left" if share else "the budget is spent"


def _except(kinds: Collection[ChangeKind]) -> str:
    words = [_KIND_NAMES[one] for one in ChangeKind if one in kinds]
    return f", except {' and '.join(words)}" if words else ""


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)


def _number(value: Fraction | None) -> float | None:
    return None if value is None else float(value)
