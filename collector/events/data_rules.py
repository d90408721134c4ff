"""What senders demand for their data, and whether this installation can promise it.

The data classification extension of CloudEvents: an event whose demands cannot be met, or are not
understood, has to be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernel.errors import BadInput
from kernel.quoting import quoted

_NAMES = ("dataclassification", "dataregulation", "datacategory")


@dataclass(frozen=True)
class DataRules:
    """The labels that may come in, in lower case; the settings of the collector say which."""

    classifications: frozenset[str] = frozenset({"public", "internal", "confidential"})
    regulations: frozenset[str] = frozenset({"gdpr", "pci-dss"})
    categories: frozenset[str] = frozenset(
        {"non-sensitive", "standard", "non-pii", "non-sensitive-pii"}
    )

    def check(self, event: Mapping[str, Any]) -> None:
        """Raises BadInput where the event demands what is not promised here."""
        given = {name: event[name] for name in _NAMES if event.get(name) is not None}
        if not given:
            return
        if "dataclassification" not in given:
            raise BadInput(
                "data rules start with a classification",
                path="$.dataclassification",
                hint="add dataclassification, for example internal",
            )
        self._meet("dataclassification", given["dataclassification"], self.classifications)
        if "datacategory" in given:
            self._meet("datacategory", given["datacategory"], self.categories)
        if "dataregulation" in given:
            for one in str(given["dataregulation"]).split(","):
                self._meet("dataregulation", one.strip(" "), self.regulations)

    @staticmethod
    def _meet(name: str, label: object, promised: frozenset[str]) -> None:
        if not isinstance(label, str) or label.lower() not in promised:
            raise BadInput(
                f"{name} {quoted(str(label))} cannot be met here, so the event is not taken",
                path=f"$.{name}",
                hint=f"met here: {', '.join(sorted(promised))}; an admin can set more",
            )
