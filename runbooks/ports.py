"""What runbooks needs of others, handed in by `app`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


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
