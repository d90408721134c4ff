"""What the pages read. They see documents (the JSON twins), never tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from dashboards.live import LiveFeed
from kernel.clock import Clock

Document = dict[str, Any]


@dataclass(frozen=True)
class Readers:
    """Each reads one thing; `app` wires them to the features' services.

    `deadletters(rule, source)`: "" is any. `deadletter(id)`: with what a replay would do now.
    `name_of(person_id)`: the name of a person. `approvals(incident_id)`: None lists all. `stale()`:
    why the engine is behind, or "".
    `policy()`: the error budget policy of all services; `gate(service)`: what a feature is told.
    `corrections(slo_id)`: an objective's own; `corrections_waiting()`: all that nobody decided yet.
    `execution()`: whether all execution of steps is switched off, by whom and why.
    `responders()`: (id, name) of those who may take an incident.
    `slack_preview(incident_id)`: the card's blocks where no Slack shows them, else None.
    """

    clock: Clock
    feed: LiveFeed
    slos: Callable[[], Sequence[BaseModel]]
    slo: Callable[[str], BaseModel]
    slo_series: Callable[[str, int, int, int], Sequence[Mapping[str, Any]]]
    incidents: Callable[[], Sequence[BaseModel]]
    incident: Callable[[str], BaseModel]
    timeline: Callable[[str], Sequence[BaseModel]]
    alert_health: Callable[[], BaseModel]
    approvals: Callable[[str | None], Sequence[BaseModel]]
    runbooks: Callable[[], Sequence[Document]]
    runbook: Callable[[str], Document]
    records: Callable[[int, str, str], Sequence[BaseModel]]
    checkpoint: Callable[[], BaseModel | None]
    deadletters: Callable[[str, str], Document]
    deadletter: Callable[[str], Document]
    policy: Callable[[], BaseModel]
    gate: Callable[[str], BaseModel]
    name_of: Callable[[str], str]
    execution: Callable[[], BaseModel]
    slack_preview: Callable[[str], Sequence[Mapping[str, Any]] | None]
    stale: Callable[[], str]
    simulation: bool = False
    responders: Callable[[], Sequence[tuple[str, str]]] = tuple
    corrections: Callable[[str], Sequence[BaseModel]] = lambda _: ()
    corrections_waiting: Callable[[], Sequence[BaseModel]] = tuple


def document(model: BaseModel) -> Document:
    """The model as its JSON twin says it."""
    return model.model_dump(mode="json", by_alias=True)


def documents(models: Sequence[BaseModel]) -> list[Document]:
    """The same for a list."""
    return [document(model) for model in models]
