"""One look every 5 s at what does not arrive: the ledger in, alerts and facts out.

A job of its own beside the evaluation of burns: a fault here stops no budget, and the other way
round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from kernel.clock import Clock
from kernel.database import Database
from slo.alert_state import Step, Verdict
from slo.catalogue import Catalogue
from slo.corrections.repository import in_force
from slo.faults import Faults
from slo.ledger import LedgerReader
from slo.ledger_view import LedgerView
from slo.objective import Objective
from slo.silence.listening import Listener, Pace
from slo.silence.store import apply_step, known_silences, open_silence, orphan_steps
from slo.silence.watch import SilenceChanges, silence_changes

PART = "slo.silence"
EVERY_S = 5.0
Planned = tuple[Objective, SilenceChanges]


class SilenceWatcher:
    """Opens and closes alerts on missing attempts. Passes never overlap."""

    def __init__(
        self,
        database: Database,
        reader_factory: Callable[[], LedgerReader],
        catalogue: Catalogue,
        clock: Clock,
        faults: Faults | None = None,
    ) -> None:
        """`reader_factory` makes a ledger reader; one is kept.

        `faults`: where it is told who could not be judged; the others are.
        """
        self._database = database
        self._reader_factory = reader_factory
        self._reader: LedgerReader | None = None
        self._catalogue = catalogue
        self._clock = clock
        self._faults = faults or Faults()
        self._listener = Listener()
        self.paces: Sequence[tuple[Objective, Pace]] = ()

    def run_once(self) -> None:
        """One pass: all reads first, then at most one unit of work."""
        now_us = self._clock.now_us()
        reader = self._reader = self._reader or self._reader_factory()
        with self._database.reading() as session:
            known = known_silences(session, now_us)
            corrections = in_force(session, now_us)
        planned: list[Planned] = []
        with reader.at_once():
            self._listener.begin_pass(now_us, reader.watermark_us())
            sources = tuple(reader.default_sources(now_us)) or tuple(reader.known_sources())

            def look(objective: Objective) -> None:
                drops = corrections.drops(objective.id, now_us)
                view = LedgerView(reader, objective, now_us, sources, drops)
                mine = known.get(objective.id, ())
                planned.append((objective, silence_changes(view, mine, self._listener)))

            for objective in self._catalogue.all():
                self._faults.apart(PART, objective.id, partial(look, objective))
        self.paces = [(one, changes.pace) for one, changes in planned if changes.pace is not None]
        orphans = [
            one for name, rows in known.items() if name not in self._catalogue for one in rows
        ]
        self._write(planned, now_us)
        self._store((), orphan_steps(orphans), now_us)
        self._faults.raise_where_all(PART, [one.id for one in self._catalogue.all()])

    def _write(self, planned: Sequence[Planned], now_us: int) -> None:
        """All in one unit of work; each in its own where one of them spoils that."""
        if self._faults.caught(lambda: self._store(planned, {}, now_us)) is None:
            stored = planned
        else:
            stored = [
                one
                for one in planned
                if self._faults.apart(PART, one[0].id, partial(self._store, [one], {}, now_us))
            ]
        for objective, _ in stored:
            self._faults.mended(PART, objective.id)

    def _store(self, planned: Sequence[Planned], orphans: Mapping[str, Step], now_us: int) -> None:
        steps = dict(orphans)
        for _, changes in planned:
            # A frozen alert is left as it is.
            steps |= {
                alert_id: result
                for alert_id, result in changes.steps.items()
                if result.verdict is not Verdict.FROZEN
            }
        opened = [(objective, new) for objective, changes in planned for new in changes.opened]
        if not steps and not opened:
            return
        with self._database.unit_of_work() as session:
            for alert_id, result in steps.items():
                apply_step(session, alert_id, result, now_us)
            for objective, new in opened:
                open_silence(session, objective, new, self._clock)
