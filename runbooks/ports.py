"""What runbooks needs of others, handed in by `app`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from access.principal import Role


@dataclass(frozen=True)
class RecoveryReport:
    """Whether the objectives are good again since the action; `numbers` say why."""

    state: Literal["recovered", "not_yet", "no_data"]
    numbers: Mapping[str, int | str] = field(default_factory=dict)


class Recovery(Protocol):
    """The account of the shop's success (slo)."""

    def check(
        self, objective_ids: list[str], segment: dict[str, str], since_us: int
    ) -> RecoveryReport:
        """Are all of these good since then? Reads only."""
        ...


class People(Protocol):
    """Who may do what now (access)."""

    def roles_of(self, person_id: str) -> frozenset[Role]:
        """The roles that a person holds now; none for whoever is unknown or disabled."""
        ...


@dataclass(frozen=True)
class ChangeAuthor:
    """Who made a change, as its source told it. `person_id` is "" where nobody is known by it."""

    name: str
    person_id: str = ""


class Changes(Protocol):
    """What was changed in the shop. May use the network, so never inside a transaction."""

    def last_author(self, service: str) -> ChangeAuthor | None:
        """Who made the newest change of a service; None where none is known. Never raises."""
        ...
