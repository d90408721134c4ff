"""What the evidence engine asks of others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from triage.evidence.volume import Missing


class Impact(Protocol):
    """What failed units cost. Money per currency in minor units.

    `lost` counts a checkout once, if no payment of it succeeded; `bad_minor` is the value attempted
    in bad units.
    """

    @property
    def bad(self) -> int:
        """Bad units."""

    @property
    def total(self) -> int:
        """Good and bad units."""

    @property
    def lost(self) -> Mapping[str, int]:
        """Lost value per currency."""

    @property
    def bad_minor(self) -> Mapping[str, int]:
        """Attempted value of bad units per currency."""


class ImpactPort(Protocol):
    """The account of the till (slo's), handed in by `app`."""

    def impact(
        self, objective_id: str, segment: Mapping[str, str], from_us: int, to_us: int
    ) -> Impact:
        """Impact of one objective and segment over [from_us, to_us)."""

    def missing(
        self, objective_id: str, since_us: int, until_us: int, source: str = ...
    ) -> Missing | None:
        """Attempts that did not begin since `since_us`; None where nothing can be expected."""
