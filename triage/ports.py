"""What triage asks of others, as small as it can be. `app` hands in what fulfils it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from access.principal import Principal, Role
from triage.evidence.evidence import EvidenceBundle, IncidentContext


class ImpactNumbers(Protocol):
    """Sums over a window; money per currency in minor units."""

    @property
    def bad(self) -> int: ...
    @property
    def total(self) -> int: ...
    @property
    def lost(self) -> Mapping[str, int]: ...
    @property
    def bad_minor(self) -> Mapping[str, int]: ...


class LostRate(Protocol):
    """Lost per minute in minor units; 80 of 100 cases lie within low..high."""

    @property
    def currency(self) -> str: ...
    @property
    def per_minute_minor(self) -> int: ...
    @property
    def low_minor(self) -> int: ...
    @property
    def high_minor(self) -> int: ...


class Budgets(Protocol):
    """slo's answers. Local reads only: no network."""

    def burning(self, objective_id: str, segment: Mapping[str, str] = ...) -> bool:
        """True while any alert of the objective (and segment) fires."""

    def impact(
        self, objective_id: str, segment: Mapping[str, str], from_us: int, to_us: int
    ) -> ImpactNumbers:
        """What was lost in [from_us, to_us)."""

    def lost_rates(self, objective_id: str, from_us: int, to_us: int) -> Sequence[LostRate]:
        """Value of lost checkouts per minute in [from_us, to_us), by currency."""


class Approval(Protocol):
    """A proposal and where it stands."""

    id: str
    runbook: str
    step: str
    tier: str
    params: Mapping[str, Any]
    state: str
    what: str


class Approvals(Protocol):
    """runbooks' answers."""

    def approvals(self, incident_id: str | None = None) -> Sequence[Any]:
        """All approvals of an incident, oldest first; each is an `Approval`."""


class People(Protocol):
    """access's answers."""

    def responder(self, person: str, roles: Collection[Role]) -> Principal | None:
        """The person of this id or name who holds one of the roles; None where there is none."""

    def name_of(self, person_id: str) -> str:
        """A person's name; an unknown id stands for itself."""


class Gatherer(Protocol):
    """The evidence engine. Reads stores; opens no write transaction."""

    def gather(self, context: IncidentContext) -> EvidenceBundle:
        """All evidence about the incident as of `context.now_us`."""
