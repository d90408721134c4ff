"""The policy as its feature gives it: made through its own output models."""

from __future__ import annotations

from typing import Any

from slo.policy.schemas import (
    BudgetOut,
    GateOut,
    OverrideOut,
    PolicyListOut,
    PolicyOut,
    PostmortemOut,
    ServicePolicyOut,
    ToldOut,
)
from tests.dashboards.samples import AT, LATER

ALLOWED = {"feature": False, "fix": False, "p0": True, "security": True}


def gate(text: str = "payments", **changes: Any) -> GateOut:
    """A frozen service; every free text in it is `text`."""
    budget = BudgetOut(
        objective="payment-success", name=text, budget_left=-0.2, bad=60, allowed=50.4, unknown=""
    )
    values: dict[str, Any] = {
        "service": text,
        "change_kind": "feature",
        "outcome": "refused",
        "allowed": False,
        "state": "frozen",
        "sentence": f"A new feature of {text} must wait.",
        "reasons": [text],
        "conditions": [f"{text} condition"],
        "override": None,
        "budgets": [budget],
        "rules": [],
        "problems": [],
        "at": AT,
    }
    return GateOut.model_validate(values | changes)


def override(text: str = "The fix.", **changes: Any) -> OverrideOut:
    """An override that is in force."""
    values = {
        "id": "o1",
        "service": text,
        "reason": text,
        "by": text,
        "created_at": AT,
        "expires_at": LATER,
        "revoked_at": None,
        "state": "active",
    }
    return OverrideOut.model_validate(values | changes)


def policy(text: str = "payments", **changes: Any) -> PolicyListOut:
    """One frozen service, overridden, with a missing and a written postmortem."""
    found = [
        PostmortemOut(
            incident="INC-1",
            incident_id="i1",
            objective="payment-success",
            name=text,
            onset_at=AT,
            resolved_at=LATER,
            share=0.34567,
            share_4w=0.2,
            threshold=0.2,
            link=link,
        )
        for link in ("", "https://wiki.example/pm")
    ]
    service = ServicePolicyOut(
        service=text,
        state="frozen",
        since=AT,
        policies=[text],
        gate=gate(text),
        told=[
            ToldOut(
                change_kind=kind,
                outcome="pass" if allowed else "refused",
                allowed=allowed,
                sentence=text,
            )
            for kind, allowed in ALLOWED.items()
        ],
        postmortems=found,
        override=override(text),
    )
    rules = PolicyOut(name="shop", display_name=text, services=[text], objectives=[], rules=[text])
    values: dict[str, Any] = {
        "services": [service],
        "policies": [rules],
        "overrides": [override(text), override(text, id="o2", state="expired")],
        "problems": [],
    }
    return PolicyListOut.model_validate(values | changes)
