"""The nouns of the command line, and where each is built; only the wanted one is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import typer


@dataclass(frozen=True)
class Noun:
    """`tillwatch <name> ...`; `source` is `module:function`, the function makes its Typer app."""

    name: str
    help: str
    source: str

    def load(self) -> typer.Typer:
        """Import and build the commands."""
        module, _, function = self.source.partition(":")
        cli: typer.Typer = getattr(import_module(module), function)()
        return cli


NOUNS: tuple[Noun, ...] = (
    Noun("token", "Tokens of people and machines.", "app.access_commands:build_token_cli"),
    Noun("person", "Who people are in Slack.", "app.access_commands:build_person_commands"),
    Noun("event", "Send and watch shop events.", "collector.cli:build_event_cli"),
    Noun("deadletter", "What could not be taken.", "app.reading_commands:build_deadletter_cli"),
    Noun("slo", "Objectives and their error budgets.", "app.reading_commands:build_slo_cli"),
    Noun("incident", "What broke and why.", "app.reading_commands:build_incident_cli"),
    Noun("runbook", "The catalogue of what may be done.", "runbooks.cli:build_runbook_cli"),
    Noun("approval", "What waits for a decision.", "app.reading_commands:build_approval_cli"),
    Noun("audit", "Read, verify and export the log.", "app.reading_commands:build_audit_cli"),
    Noun("bench", "Measure this product on this machine.", "app.bench.cli:build_bench_cli"),
    Noun("db", "The stores: upgrade, back up, restore.", "app.database_commands:build_db_cli"),
)
