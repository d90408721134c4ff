"""What the pages of the catalogue show."""

from __future__ import annotations

from typing import Any

from runbooks.policy import tier_of
from runbooks.runbook import Runbook, Step


def runbook_document(runbook: Runbook) -> dict[str, Any]:
    """A runbook with its steps as facts, its contacts and its text (Markdown)."""
    return {
        "id": runbook.id,
        "title": runbook.title,
        "owner": runbook.owner,
        "sha256": runbook.sha256,
        "steps": [_step(step) for step in runbook.steps],
        "contacts": [
            {"name": one.name, "status_page": one.status_page, "support": one.support}
            for one in runbook.vendors
        ],
        "body": runbook.body,
    }


def _step(step: Step) -> dict[str, Any]:
    facts: dict[str, str] = {}
    if step.flag:
        facts["Sets"] = f"flag {step.flag.key} = {step.flag.value}"
    if step.http:
        facts["Sends"] = f"{step.http.method} {step.http.url}"
    if step.params:
        facts["Parameters"] = ", ".join(param.name for param in step.params)
    if step.undo_previous:
        facts["Undo"] = "the value read before it ran"
    elif step.undo_text:
        facts["Undo"] = step.undo_text
    elif step.undo_http:
        facts["Undo"] = f"{step.undo_http.method} {step.undo_http.url}"
    if step.verify:
        facts["Verified"] = f"on the till's own numbers within {step.verify.within_s // 60} min"
    return {
        "id": step.id,
        "title": step.title,
        "kind": step.kind.value,
        "tier": tier_of(step).value,
        "description": step.instructions,
        "facts": facts,
    }
