"""What a Sloth spec says, once it is read and checked. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DAY_S = 86_400
PROMETHEUS = "prometheus/v1"
KUBERNETES = "sloth.slok.dev/v1"
OPENSLO = "openslo/v1alpha"
# What Sloth writes into `sloth_mode` when it is called for a file.
MODES: Mapping[str, str] = {
    PROMETHEUS: "cli-gen-prom",
    KUBERNETES: "cli-gen-k8s",
    OPENSLO: "cli-gen-openslo",
}


@dataclass(frozen=True)
class AlertBlock:
    """Name, labels and annotations of a page or a ticket."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Indicator:
    """Queries with `{{.window}}`: the error and the total query, or the error ratio itself."""

    error_query: str = ""
    total_query: str = ""
    ratio_query: str = ""


@dataclass(frozen=True)
class SlothSlo:
    """One SLO of a spec. `objective_percent` is a float64, as in Sloth, whose rules print it.

    `page` and `ticket` are None where they are switched off. `weighted_period`: the spec itself
    asks for a period rule over the queries (Sloth's `disableOptimized`).
    """

    service: str
    name: str
    objective_percent: float
    indicator: Indicator
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    page: AlertBlock | None = None
    ticket: AlertBlock | None = None
    period_s: int = 30 * DAY_S
    spec: str = PROMETHEUS
    weighted_period: bool = False

    @property
    def id(self) -> str:
        """Sloth's identity of an SLO: service and name."""
        return f"{self.service}-{self.name}"
