"""The account of volume: begun against expected over a span, what is missing and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kernel.clock import DAY_US, HOUR_US, SECOND_US
from slo.ledger_view import LedgerView
from slo.volume.expectation import Basis
from slo.volume.history import ALL, Span, expectations
from slo.volume.losses import Interval, Volume, cost_minor, volume
from slo.volume.pattern import SLOT_US, slot_of

NEWEST_US = 10 * 60 * SECOND_US
_FINE_US = 5 * SECOND_US
_FINE_KEPT_US = 2 * HOUR_US
# Beyond it a longer estimate would say more about our pattern than about the outage.
MOST_US = DAY_US
MOST_GUESSED_US = 2 * HOUR_US
# What an attempt brings is asked of so much of the newest past.
_WORTH_US = 7 * DAY_US


@dataclass(frozen=True)
class Missing:
    """A volume and what its missing attempts would have brought, per currency."""

    volume: Volume
    cost: Mapping[str, Interval]


def newest_volume(view: LedgerView) -> Volume | None:
    """Begun and expected in the newest 10 minutes; None where nothing can be expected."""
    if not view.sources or not view.end_us:
        return None
    begin_us = view.end_us - NEWEST_US
    usual = expectations(view.ledger, view.objective, view.sources, Span(view.end_us))[ALL]
    if usual.basis is Basis.NONE:
        return None
    return volume(usual, _begun(view, ALL, begin_us, view.end_us), begin_us, view.end_us)


def missing_since(
    view: LedgerView, since_us: int, source: str = ALL, until_us: int = 0
) -> Missing | None:
    """What did not begin since an onset, at the level from before it; at most of 24 hours.

    `until_us`: 0 for what is counted by now. A guess from hours alone goes no further than 2 hours.
    """
    to_us = min(until_us or view.end_us, view.end_us, since_us + MOST_US)
    wanted = source or ALL
    if not view.sources or to_us <= since_us or (wanted != ALL and wanted not in view.sources):
        return None
    usual = expectations(view.ledger, view.objective, view.sources, Span(since_us, to_us))[wanted]
    if usual.basis is Basis.HOURS:
        to_us = min(to_us, since_us + MOST_GUESSED_US)
    begin_us = since_us - since_us % _FINE_US
    if begin_us < view.end_us - _FINE_KEPT_US:
        begin_us, to_us = slot_of(begin_us + SLOT_US - 1), slot_of(to_us)
    if to_us <= begin_us or usual.basis is Basis.NONE:
        return None
    told = volume(usual, _begun(view, wanted, begin_us, to_us), begin_us, to_us)
    return Missing(told, _cost(view, told.missing, since_us))


def _begun(view: LedgerView, source: str, from_us: int, to_us: int) -> int:
    step_us = _FINE_US if from_us >= view.end_us - _FINE_KEPT_US else SLOT_US
    rows = view.ledger.begun(view.objective, from_us, to_us, step_us)
    wanted = view.sources if source == ALL else (source,)
    return sum(count for one in wanted for _, count in rows.get(one, ()))


def _cost(view: LedgerView, missing: Interval, since_us: int) -> dict[str, Interval]:
    to_us = slot_of(since_us)
    sums = view.ledger.sums(view.objective, max(0, to_us - _WORTH_US), to_us)
    good_minor = {currency: money.good_minor for currency, money in sums.money.items()}
    return cost_minor(missing, good_minor, sums.good + sums.bad + sums.excluded)
