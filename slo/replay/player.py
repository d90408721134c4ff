"""Plays decisions in memory: what opens, holds and closes as moment follows moment. Pure.

The state is what the evaluator keeps in its table; nothing is written anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from slo.alert_state import OpenAlert, Verdict
from slo.decision import Changes, Known, decide
from slo.decision_view import DecisionView
from slo.tiers import remember_closed_us


@dataclass(frozen=True)
class PlayedAlert:
    """One alert of a replay. `closed_us` is None while it is open."""

    id: str
    tier: str
    page: bool
    segment: Mapping[str, str]
    opened_us: int
    onset_us: int
    reason: str
    bad: int
    total: int
    closed_us: int | None = None
    close_reason: str = ""


@dataclass
class Player:
    """One objective's alerts. Feed it views in the order of their time.

    With `pages_only` tickets are decided and dropped: months of nothing but tickets are quick then.
    """

    pages_only: bool = False
    alerts: dict[str, PlayedAlert] = field(default_factory=dict)
    _known: dict[str, Known] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        """True while anything is open or remembered: then every moment has to be played."""
        return bool(self._known)

    @property
    def open(self) -> list[PlayedAlert]:
        """What is open, oldest first."""
        return [one for one in self.alerts.values() if one.closed_us is None]

    def step(self, view: DecisionView, *, tickets: bool) -> Changes:
        """Decide at one moment and keep what follows from it."""
        self._forget(view.now_us - remember_closed_us(view.objective))
        changes = decide(view, list(self._known.values()), tickets=tickets)
        for alert_id, result in changes.steps.items():
            known = self._known[alert_id]
            covers = changes.widened.get(alert_id, known.covers)
            closing = result.verdict is Verdict.CLOSE
            closed_us = view.now_us if closing else None
            self._known[alert_id] = replace(
                known, alert=result.alert, covers=covers, closed_us=closed_us
            )
            if closing:
                self.alerts[alert_id] = replace(
                    self.alerts[alert_id], closed_us=closed_us, close_reason=result.reason
                )
        for new in changes.opened:
            if self.pages_only and not new.page:
                continue
            name = str(len(self.alerts) + 1)
            self.alerts[name] = PlayedAlert(
                id=name,
                tier=new.fire.tier,
                page=new.page,
                segment=dict(new.segment),
                opened_us=view.now_us,
                onset_us=new.onset_us,
                reason=new.fire.text,
                bad=new.fire.bad,
                total=new.fire.total,
            )
            self._known[name] = Known(
                name, new.segment, new.segment, new.page, OpenAlert(view.end_us)
            )
        return changes

    def _forget(self, oldest_us: int) -> None:
        self._known = {
            name: one
            for name, one in self._known.items()
            if one.closed_us is None or one.closed_us > oldest_us
        }
