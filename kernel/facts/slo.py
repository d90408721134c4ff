"""What slo publishes."""

from __future__ import annotations

from typing import ClassVar

from kernel.facts.bus import Fact


class BurnAlertOpened(Fact):
    """A tier or the fast tier began to fire for an objective and segment ({} = all of it)."""

    name: ClassVar[str] = "slo.burn_alert.opened"
    alert_id: str
    objective_id: str
    service: str
    display_name: str
    tier: str
    page: bool
    segment: dict[str, str]
    opened_us: int
    onset_us: int
    reason: str
    bad: int
    total: int
    burn_rate: float


class BurnAlertClosed(Fact):
    """It no longer fires (hysteresis passed)."""

    name: ClassVar[str] = "slo.burn_alert.closed"
    alert_id: str
    objective_id: str
    service: str
    tier: str
    segment: dict[str, str]
    closed_us: int
    reason: str
