"""Plays arrays of counts through `decide`, pass by pass, and gives the alerts."""

from __future__ import annotations

from app.bench.detect.counts import ArrayCounts
from app.bench.detect.screening import may_page
from kernel.clock import MINUTE_US
from slo.objective import Objective
from slo.replay.counts_view import CountsView
from slo.replay.player import PlayedAlert, Player


def pages_of(counts: ArrayCounts, objective: Objective) -> list[PlayedAlert]:
    """All pages of a long stream, a pass every 5 s. Tickets are left out.

    The quiet passes are skipped (see `screening`); while an alert is open or remembered, none is.
    """
    player = Player(pages_only=True)
    played = 0
    for candidate in may_page(counts, objective).tolist():
        while player.busy and played < candidate:
            played += 1
            _step(player, counts, objective, played)
        if played < candidate:
            played = candidate
            _step(player, counts, objective, played)
    return list(player.alerts.values())


def play(
    counts: ArrayCounts, objective: Objective, first: int, last: int, *, tickets: bool = True
) -> list[PlayedAlert]:
    """Every pass with `first` < closed slices <= `last`."""
    player = Player()
    for slices in range(first + 1, last + 1):
        _step(player, counts, objective, slices, tickets=tickets)
    return list(player.alerts.values())


def first_page(
    counts: ArrayCounts, objective: Objective, first: int, last: int
) -> PlayedAlert | None:
    """The first page after `first` closed slices, at most `last`."""
    player = Player()
    for slices in range(first + 1, last + 1):
        _step(player, counts, objective, slices)
        page = next((one for one in player.alerts.values() if one.page), None)
        if page is not None:
            return page
    return None


def _step(
    player: Player, counts: ArrayCounts, objective: Objective, slices: int, *, tickets: bool = True
) -> None:
    end_us = counts.end_us(slices)
    view = CountsView(counts, objective, end_us)
    player.step(view, tickets=tickets and end_us % MINUTE_US == 0)
