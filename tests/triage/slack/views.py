"""Views of one incident in every state, for the tests of cards, forms and messages."""

from __future__ import annotations

from dataclasses import replace

from triage.slack.card import CardView
from triage.slack.proposal_blocks import ProposalView

PROPOSAL = ProposalView(
    approval_id="0199f0c2-0000-7000-8000-000000000001",
    digest="a" * 64,
    what="Set flag payment-routing.eu-central to stripe (now balanced).",
    undo="Set it back to balanced.",
    tier="R1",
    state="pending",
    expires_at="14:22:10 UTC",
)
RISKY = replace(PROPOSAL, tier="R3", needs_reason=True, waits_for="2 more people")
VIEW = CardView(
    incident_id="0199f0c2-0000-7000-8000-0000000000aa",
    number=41,
    state="open",
    severity="critical",
    title="Payments through adyen in eu-central fail",
    since="14:02:10 UTC",
    updated="14:02:31 UTC",
    text="41 of 46 attempts failed since 14:02:10. Elsewhere 0.4 % fail.",
    brief_by="code",
    url="https://tillwatch.example/incidents/INC-41",
    impact=("Not taken: about 1,920.00 EUR a minute", "Budget left: 41 %"),
    evidence=("E1 provider = adyen and region = eu-central: 41 of 46 fail",),
    proposals=(PROPOSAL,),
    confidence="medium",
    brief_revision=1,
)
_VOTE = "Approved by Ana at 14:12:40 UTC (slack): a clear provider fault"
_OVER = "Over since 14:09:22 UTC, after 7 min 12 s."


def _step(state: str, **more: object) -> CardView:
    proposal = replace(PROPOSAL, **{"state": state, "decided_by": "Ana", **more})
    return replace(VIEW, state="acknowledged", owner="Ana", proposals=(proposal,))


STATES: dict[str, CardView] = {
    "open": VIEW,
    "open_without_brief": replace(
        VIEW, text="", confidence="", brief_revision=0, proposals=(), impact=(), evidence=()
    ),
    "acknowledged": replace(VIEW, state="acknowledged", owner="Ana"),
    "silenced": replace(VIEW, silenced_until="14:32 UTC"),
    "stale": replace(VIEW, stale=True),
    "alerts_left_out": replace(VIEW, left_out=12),
    "resolved": replace(
        VIEW,
        state="resolved",
        owner="Ana",
        resolution=_OVER,
        proposals=(replace(PROPOSAL, state="recovered", votes=(_VOTE,)),),
    ),
    "not_an_incident": replace(
        VIEW, state="resolved", closed_as="not an incident, said Ana", resolution=_OVER
    ),
    "merged": replace(VIEW, state="resolved", closed_as="merged into INC-40", resolution=_OVER),
    "missing_sources": replace(VIEW, missing=("traces", "logs"), confidence="low"),
    "model_brief": replace(VIEW, brief_by="model", confidence="high", brief_revision=2),
    "simulation": replace(VIEW, simulated=True, proposals=(replace(PROPOSAL, simulated=True),)),
    "switched_off": replace(VIEW, switched_off="the payment team tests by hand, said Ben"),
    "reason_needed": replace(VIEW, proposals=(RISKY,)),
    "step_partially_approved": replace(
        VIEW,
        proposals=(
            replace(
                RISKY,
                state="partially_approved",
                votes=(_VOTE,),
                waits_for="1 more person, at least one owner",
            ),
        ),
    ),
    "step_approved": _step("approved", votes=(_VOTE,)),
    "step_executing": _step("executing"),
    "step_by_hand": _step("executing", manual=True),
    "step_succeeded": _step("succeeded"),
    "step_recovered": _step("recovered", votes=(_VOTE,)),
    "step_not_recovered": _step("not_recovered"),
    "step_rollback_proposed": _step("rollback_proposed"),
    "step_failed": _step("failed", note="the flag server answered 500"),
    "step_unknown": _step("unknown"),
    "step_rejected": _step(
        "rejected", votes=("Rejected by Ana at 14:12:40 UTC (slack): wrong region",)
    ),
    "step_expired": replace(VIEW, proposals=(replace(PROPOSAL, state="expired"),)),
    "step_stale": _step("stale", note="the flag was changed by somebody else"),
    "step_superseded": _step("superseded"),
    "step_revoked": _step("revoked"),
    "step_cancelled": _step("cancelled", note="all steps were switched off"),
    "many_steps": replace(
        VIEW, proposals=tuple(replace(PROPOSAL, approval_id=f"approval-{n}") for n in range(5))
    ),
}
