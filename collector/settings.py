"""What can be set about what arrives, and how much a source may name before it is folded."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from collector.cardinality import Budgets
from collector.events.data_rules import DataRules
from collector.events.handshake import Handshake
from kernel.settings import Settings


class CollectorSettings(Settings):
    """Lists are separated by commas; a rate of 0 means that no limit is told.

    `label_*` are the budgets of `collector.cardinality`, all per hour of receive time.
    """

    webhook_allowed_origins: str = ""
    webhook_allowed_rate_per_min: int = Field(default=0, ge=0, le=10**9)
    data_classifications: str = "public,internal,confidential"
    data_regulations: str = "gdpr,pci-dss"
    data_categories: str = "non-sensitive,standard,non-pii,non-sensitive-pii"
    label_names_per_source: PositiveInt = 1_000
    label_values_per_name: PositiveInt = 10_000
    labels_in_all: PositiveInt = 200_000

    @property
    def handshake(self) -> Handshake:
        """Who may register us as a target."""
        return Handshake(
            _listed(self.webhook_allowed_origins), self.webhook_allowed_rate_per_min or None
        )

    @property
    def data_rules(self) -> DataRules:
        """What senders may demand for their data."""
        return DataRules(
            _listed(self.data_classifications),
            _listed(self.data_regulations),
            _listed(self.data_categories),
        )

    def budgets(self) -> Budgets:
        """As the projector takes them."""
        return Budgets(
            names=self.label_names_per_source,
            values=self.label_values_per_name,
            in_all=self.labels_in_all,
        )


def _listed(text: str) -> frozenset[str]:
    return frozenset(one.strip().lower() for one in text.split(",") if one.strip())
