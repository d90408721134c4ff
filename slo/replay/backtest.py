"""What an objective's alerts would have done on its own history.

The ledger's counts go through `decide` minute by minute, the newest 2 h in steps of 5 s. They are
the counts as known now: what came late is seen earlier than it was. A page is called false where
no incident of ours overlaps it and its segment was calm (3.6 x the budget ratio or less, of at
least 20 attempts) in the 15 minutes after it opened: nothing went on failing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from kernel.clock import MINUTE_US, SECOND_US
from slo.alert_state import is_calm
from slo.corrections.dropping import NOTHING, Drops
from slo.fast_tier import MIN_BAD, SLICE_US, Counts
from slo.objective import Objective
from slo.replay.counts_view import CountsView, Heard
from slo.replay.history import KEPT_US, History
from slo.replay.minutes import MinuteReader, Row
from slo.replay.player import PlayedAlert, Player
from slo.segments import matches
from slo.tiers import Tier, tiers_of

CALM_US = 15 * MINUTE_US
CALM_LEAST = 20
SHORT_US = 5 * MINUTE_US
COVERAGE_FLOOR = Fraction(9, 10)


@dataclass(frozen=True)
class Incident:
    """One of our incidents; `to_us` is None while it is open."""

    from_us: int
    to_us: int | None

    def overlaps(self, from_us: int, to_us: int) -> bool:
        """True where both had a moment in common."""
        return self.from_us < to_us and (self.to_us is None or from_us < self.to_us)


@dataclass(frozen=True)
class Judged:
    """One alert of the replay. `resolution_s`: length of the steps it was found in."""

    alert: PlayedAlert
    resolution_s: int
    is_false: bool


@dataclass(frozen=True)
class Backtest:
    """One objective over [from_us, to_us)."""

    objective: Objective
    from_us: int
    to_us: int
    alerts: Sequence[Judged]

    @property
    def pages(self) -> list[Judged]:
        """Those that would have woken somebody."""
        return [one for one in self.alerts if one.alert.page]


class Replay:
    """Plays objectives. `say(share done)` is called once for each day played."""

    def __init__(
        self,
        reader: MinuteReader,
        sources: Sequence[str],
        drops: Drops = NOTHING,
        say: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._sources = sources
        self._drops = drops
        self._say = say

    def run(
        self,
        objective: Objective,
        counted_as: Objective,
        span: tuple[int, int],
        incidents: Sequence[Incident] = (),
    ) -> Backtest:
        """Judge by `objective`'s target and tiers what was counted for `counted_as`."""
        from_us, to_us = (at_us - at_us % MINUTE_US for at_us in span)
        judged = replace(objective, segments=counted_as.segments)
        run = _Run(judged, History(judged.segments))
        fine_from_us = self._reader.fine_from_us()
        played_us = from_us
        for end_us, rows in self._reader.rows(counted_as, from_us - KEPT_US, to_us):
            run.history.add(self._kept(judged, rows))
            while played_us < end_us:
                played_us = run.after(played_us, end_us)
                played_us += MINUTE_US if played_us < fine_from_us else SLICE_US
                if run.may_change(played_us):
                    run.step(played_us, self._heard(judged, played_us))
                run.watch(played_us)
            run.history.forget(played_us)
            self._say(min(1.0, max(0, played_us - from_us) / max(1, to_us - from_us)))
        run.watch(played_us, at_end=True)
        return Backtest(judged, from_us, to_us, run.judged(fine_from_us, incidents))

    def _kept(self, objective: Objective, rows: Sequence[Row]) -> list[Row]:
        """Without what corrections leave out."""
        if not rows or not self._drops:
            return list(rows)
        stretches = self._drops.within(rows[0].slice_us, rows[-1].slice_us + 1)
        return [
            row
            for row in rows
            if not any(
                one.from_us <= row.slice_us < one.to_us and one.takes(objective.segments, row.key)
                for one in stretches
            )
        ]

    def _heard(self, objective: Objective, end_us: int) -> Heard:
        """What the evaluator would have known of its sources."""
        sources = objective.sources or self._sources
        gap_s = objective.max_gap_s
        shares = [
            self._reader.coverage([one], end_us - gap_s * SECOND_US, end_us, gap_s)
            for one in sources
        ]
        if not any(shares):
            return Heard(blind="nothing was heard")
        covered = self._reader.coverage(sources, end_us - SHORT_US, end_us, gap_s)
        return Heard(no_data="" if covered >= COVERAGE_FLOOR else "not all was observed")


class _Run:
    """One objective while it is played."""

    def __init__(self, objective: Objective, history: History) -> None:
        self.history = history
        self._objective = objective
        self._player = Player()
        self._after: dict[str, Counts] = {}
        budget = float(objective.budget_ratio) * (1 - 1e-9)
        self._tiers = [(one, float(one.factor) * budget) for one in tiers_of(objective)]
        longest_s = max((one.short_s for one, _ in self._tiers), default=0)
        self._quiet_us = max(longest_s * SECOND_US, 15 * MINUTE_US)

    def after(self, played_us: int, end_us: int) -> int:
        """The moment from which the next step is taken: quiet hours are passed over.

        Nothing opens without a failure in the longest short window of a tier.
        """
        if self._player.open:
            return played_us
        bad_us = self.history.next_bad_us(played_us - self._quiet_us)
        next_us = end_us if bad_us is None else bad_us
        return max(played_us, min(next_us - next_us % MINUTE_US, end_us - MINUTE_US))

    def may_change(self, end_us: int) -> bool:
        """False where the sums alone rule every rule out and nothing is open."""
        if self._player.open:
            return True
        whole = self.history.whole
        fresh = self._objective.fast_tier and whole(end_us - 15 * MINUTE_US, end_us).bad
        if fresh and whole(end_us - 120 * MINUTE_US, end_us).bad >= MIN_BAD:
            return True
        return any(self._tier_may(tier, limit, end_us) for tier, limit in self._tiers)

    def _tier_may(self, tier: Tier, limit: float, end_us: int) -> bool:
        """A remembered page may be left out of the windows: then the ratio proves nothing."""
        short = self.history.whole(end_us - tier.short_s * SECOND_US, end_us)
        if not short.bad or (short.bad < limit * short.total and not self._player.busy):
            return False
        long = self.history.whole(end_us - tier.long_s * SECOND_US, end_us)
        return long.bad >= self._objective.min_bad_events

    def step(self, end_us: int, heard: Heard) -> None:
        """One pass."""
        view = CountsView(self.history, self._objective, end_us, heard)
        self._player.step(view, tickets=end_us % MINUTE_US == 0)

    def watch(self, end_us: int, *, at_end: bool = False) -> None:
        """Note what a page's segment did in the quarter of an hour after it opened."""
        for name, alert in self._player.alerts.items():
            if name not in self._after and (at_end or end_us >= alert.opened_us + CALM_US):
                parts = self.history.sums(alert.opened_us, alert.opened_us + CALM_US)
                names = self._objective.segments
                chosen = [one for key, one in parts.items() if matches(names, key, alert.segment)]
                self._after[name] = Counts(
                    sum(one.bad for one in chosen), sum(one.total for one in chosen)
                )

    def judged(self, fine_from_us: int, incidents: Sequence[Incident]) -> list[Judged]:
        """All alerts, each with its verdict."""
        return [
            Judged(
                _in_minutes(alert) if alert.onset_us < fine_from_us else alert,
                resolution_s=60 if alert.opened_us <= fine_from_us else 5,
                is_false=self._is_false(alert, self._after[name], incidents),
            )
            for name, alert in self._player.alerts.items()
        ]

    def _is_false(self, alert: PlayedAlert, after: Counts, incidents: Sequence[Incident]) -> bool:
        if not alert.page:
            return False
        end_us = alert.closed_us or alert.opened_us + CALM_US
        if any(
            one.from_us < end_us and alert.onset_us < (one.to_us or end_us) for one in incidents
        ):
            return False
        calm = is_calm(after.bad, after.total, self._objective.budget_ratio)
        return after.total >= CALM_LEAST and calm


def _in_minutes(alert: PlayedAlert) -> PlayedAlert:
    """It may have begun anywhere in the minute of its first failures: told as the start of it."""
    return replace(alert, onset_us=alert.onset_us - alert.onset_us % MINUTE_US)
