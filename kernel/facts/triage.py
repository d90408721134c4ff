"""What triage publishes."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from kernel.facts.bus import Fact


class IncidentOpened(Fact):
    """A new incident exists."""

    name: ClassVar[str] = "triage.incident.opened"
    incident_id: str
    number: int
    service: str
    objective_ids: list[str]
    onset_us: int
    opened_us: int
    severity: str


class BriefReady(Fact):
    """Evidence is gathered and a brief stands (again, after each revision).

    `labels` describe the incident for runbook matching: alertname, service, objective, and the
    attribute values that the evidence blames (provider, region, error_type, ...). `evidence`: the
    SHA-256 of each piece by its id.
    """

    name: ClassVar[str] = "triage.brief.ready"
    incident_id: str
    revision: int
    service: str
    objective_ids: list[str]
    labels: dict[str, str]
    onset_us: int
    suggested_runbook: str = ""
    suggested_step: str = ""
    suggestion_record: str = ""
    evidence: dict[str, str] = Field(default_factory=dict)


class IncidentChanged(Fact):
    """Anything a person sees on the incident has changed: card and page render anew."""

    name: ClassVar[str] = "triage.incident.changed"
    incident_id: str
    what: str


class IncidentResolved(Fact):
    """The incident is over. `resolution`: all_clear | closed | not_an_incident | merged.

    Told again where a person judges later how it ended.
    """

    name: ClassVar[str] = "triage.incident.resolved"
    incident_id: str
    service: str
    objective_ids: list[str]
    onset_us: int
    resolved_us: int
    resolution: str = "all_clear"

    @property
    def counts(self) -> bool:
        """False where it never was an incident of its own: dismissed, or part of another one."""
        return self.resolution not in ("not_an_incident", "merged")
