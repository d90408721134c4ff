"""What slo publishes."""

from __future__ import annotations

from typing import ClassVar, Literal

from kernel.facts.bus import Fact


class BurnAlertOpened(Fact):
    """A tier or the fast tier began to fire for an objective and segment ({} = all of it).

    Other kinds than `burn`: `silence` (attempts do not arrive) and `no_data` (a source is not
    heard). They bring their own `title`; `source` is "" where all sources are meant; `bad` attempts
    are missing of `total` expected ones.
    """

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
    kind: Literal["burn", "silence", "no_data"] = "burn"
    source: str = ""
    title: str = ""


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
