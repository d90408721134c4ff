"""Backtests of the objectives in force, or of proposed ones, on this installation's history."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, select

from kernel.clock import SECOND_US, Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput
from kernel.facts.bus import FactRow
from kernel.facts.triage import IncidentOpened, IncidentResolved
from slo.catalogue import Catalogue, read_files
from slo.corrections import repository as corrections
from slo.evaluation import default_sources
from slo.objective import Objective
from slo.replay.backtest import Backtest, Incident, Judged, Replay
from slo.replay.minutes import MinuteReader

MAX_PAGES = 500


class BacktestService:
    """Reads only."""

    def __init__(
        self, database: Database, ledger: Path, catalogue: Catalogue, clock: Clock
    ) -> None:
        """`ledger`: the file to replay."""
        self._database = database
        self._ledger = ledger
        self._catalogue = catalogue
        self._clock = clock

    def run(
        self,
        objective_id: str = "",
        since_s: int = 90 * 86_400,
        proposed: Mapping[str, Objective] | None = None,
        say: Callable[[str, float], None] = lambda _name, _share: None,
        *,
        running: Mapping[str, Objective] | None = None,
    ) -> dict[str, Any]:
        """One document for one objective, or for all (of the proposed ones, where given).

        Raises NotFound. A proposed objective is judged on what the running one of its name counted;
        `running` are those in force where they are not the ones of the files.
        """
        wanted = self._wanted(objective_id, proposed)
        counted = self._catalogue if running is None else running
        to_us = self._clock.now_us()
        reader = MinuteReader(self._ledger)
        try:
            with reader.at_once():
                sources = default_sources(reader, to_us)
                to_us = min(to_us, reader.watermark_us() or to_us)
                span = max(0, to_us - since_s * SECOND_US), to_us
                with self._database.reading() as session:
                    in_force = corrections.in_force(session, to_us)
                    incidents = _incidents(session)
                found = []
                for one in wanted:
                    counted_as = counted.get(one.id)
                    if counted_as is None:
                        found.append(_unknown(one))
                        continue
                    drops = in_force.drops(one.id, to_us)
                    replay = Replay(reader, sources, drops, partial(say, one.id))
                    result = replay.run(one, counted_as, span, incidents.get(one.id, ()))
                    found.append(document(result, _note(one, counted_as)))
        finally:
            reader.close()
        return {"backtests": found}

    def _wanted(
        self, objective_id: str, proposed: Mapping[str, Objective] | None
    ) -> list[Objective]:
        if proposed is None:
            if objective_id:
                return [self._catalogue.find(objective_id)]
            return list(self._catalogue.all())
        if not objective_id:
            return list(proposed.values())
        if objective_id not in proposed:
            raise BadInput(
                f"the proposed definition holds no objective {objective_id[:80]!r}",
                hint=f"it holds {', '.join(sorted(proposed)) or 'none'}",
            )
        return [proposed[objective_id]]


def read_proposed(path: Path) -> dict[str, Objective]:
    """The objectives of one OpenSLO file. Raises BadInput naming every fault."""
    reading = read_files([path])
    if reading.problems:
        raise BadInput(
            f"{len(reading.problems)} fault(s) in the proposed definition: {reading.problems[0]}",
            hint="run `tillwatch slo validate` to see them all",
            problems=[problem.as_dict() for problem in reading.problems],
        )
    return {one.id: one for one in reading.objectives}


def document(result: Backtest, note: str = "") -> dict[str, Any]:
    """The answer of one objective: a sentence, the figures and the pages themselves."""
    pages = result.pages
    right = [one for one in pages if not one.is_false]
    seconds = [(one.alert.opened_us - one.alert.onset_us) / SECOND_US for one in right]
    median_s = round(statistics.median(seconds)) if seconds else None
    days = (result.to_us - result.from_us) / 86_400 / SECOND_US
    return {
        "id": result.objective.id,
        "target": float(result.objective.target),
        "from": rfc3339(result.from_us),
        "to": rfc3339(result.to_us),
        "text": _sentence(days, len(pages), median_s, len(pages) - len(right)),
        "pages": len(pages),
        "false_pages": len(pages) - len(right),
        "tickets": len(result.alerts) - len(pages),
        "median_detection_s": median_s,
        "note": note,
        "alerts": [_alert(one) for one in result.alerts[:MAX_PAGES]],
    }


def _sentence(days: float, pages: int, median_s: int | None, false: int) -> str:
    if not pages:
        return f"would have paged nobody in {days:.0f} days"
    times = f"{pages} time{'' if pages == 1 else 's'}"
    median = "" if median_s is None else f", median detection {median_s} s"
    return f"would have paged {times} in {days:.0f} days{median}, {false} false"


def _alert(one: Judged) -> dict[str, Any]:
    alert = one.alert
    return {
        "tier": alert.tier,
        "page": alert.page,
        "segment": dict(alert.segment),
        "onset": rfc3339(alert.onset_us),
        "opened": rfc3339(alert.opened_us),
        "closed": None if alert.closed_us is None else rfc3339(alert.closed_us),
        "detection_s": (alert.opened_us - alert.onset_us) // SECOND_US,
        "resolution_s": one.resolution_s,
        "false": one.is_false,
        "reason": alert.reason,
    }


def _note(proposed: Objective, running: Objective) -> str:
    if proposed.generation == running.generation:
        return ""
    return (
        "the proposed definition counts otherwise: what the running one counted was judged by the"
        " proposed target and tiers"
    )


def _unknown(proposed: Objective) -> dict[str, Any]:
    return {
        "id": proposed.id,
        "target": float(proposed.target),
        "text": "is new: there is no history to judge it on",
        "pages": None,
        "note": "",
        "alerts": [],
    }


def _incidents(session: Session) -> dict[str, list[Incident]]:
    """Spans of incidents by objective, from the facts of triage."""
    names = (IncidentOpened.name, IncidentResolved.name)
    rows: Sequence[FactRow] = session.exec(
        select(FactRow).where(col(FactRow.name).in_(names)).order_by(col(FactRow.position))
    ).all()
    spans: dict[str, tuple[Sequence[str], Incident]] = {}
    for row in rows:
        told = row.payload
        if row.name == IncidentResolved.name and not IncidentResolved(**told).counts:
            spans.pop(told["incident_id"], None)
            continue
        end_us = told.get("resolved_us")
        spans[told["incident_id"]] = told["objective_ids"], Incident(told["onset_us"], end_us)
    found: dict[str, list[Incident]] = {}
    for objective_ids, incident in spans.values():
        for name in objective_ids:
            found.setdefault(name, []).append(incident)
    return found
