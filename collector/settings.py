"""How much a source may name before it is folded into `__other__`."""

from __future__ import annotations

from pydantic import PositiveInt

from collector.cardinality import Budgets
from kernel.settings import Settings


class CollectorSettings(Settings):
    """Budgets of `collector.cardinality`, all per hour of receive time."""

    label_names_per_source: PositiveInt = 1_000
    label_values_per_name: PositiveInt = 10_000
    labels_in_all: PositiveInt = 200_000

    def budgets(self) -> Budgets:
        """As the projector takes them."""
        return Budgets(
            names=self.label_names_per_source,
            values=self.label_values_per_name,
            in_all=self.labels_in_all,
        )
