"""The work queue of briefs: evidence and a deterministic brief at once, and again while it burns.

Evidence is gathered and the account is asked outside of any write transaction; the model has its
own part (`triage.asking`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from kernel.clock import MINUTE_US, SECOND_US, Clock
from kernel.database import Database
from kernel.facts import publish
from slo.objective import Objective
from triage import repository
from triage.admission import Admission
from triage.brief.claims import Brief
from triage.brief.writer import compose, title_of
from triage.brief_rows import brief_ready, brief_row, evidence_row, record_brief
from triage.evidence.evidence import EvidenceBundle, IncidentContext
from triage.evidence.outcome import rule_of
from triage.evidence.volume import ALERT_NAME, missing_of
from triage.incident import IncidentState
from triage.loss import Loss, measure, stored, with_missing
from triage.models import BriefWorkRow, IncidentRow
from triage.ports import Budgets, Gatherer
from triage.settings import TriageSettings

MAX_REVISIONS = 60
_TURNS = 4
_YOUNG_US = 2 * MINUTE_US
_YOUNG_REFRESH_US = 10 * SECOND_US


@dataclass(frozen=True)
class Sources:
    """What briefs are made from. `model_set`: `Asking` runs too, new content is put up for it."""

    gatherer: Gatherer
    budgets: Budgets | None = None
    objectives: Mapping[str, Objective] = field(default_factory=dict)
    model_set: bool = False


class Briefing:
    """Part "triage.brief": evidence and the deterministic brief."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        admission: Admission,
        settings: TriageSettings,
        sources: Sources,
    ) -> None:
        self._database = database
        self._clock = clock
        self._admission = admission
        self._settings = settings
        self._sources = sources
        self._turn = 0

    def step(self) -> bool:
        """Brief one incident; True where one was due.

        The money incident comes first, also in a storm; every fourth turn is of whoever has waited
        longest, so that nobody waits for ever.
        """
        now_us = self._clock.now_us()
        self._turn = (self._turn + 1) % _TURNS
        with self._database.reading() as session:
            work = repository.due_work(session, now_us, longest_waiting=self._turn == 0)
            row = repository.incident(session, work.incident_id) if work else None
        if work is None or row is None:
            return False
        loss = measure(self._sources.budgets, row, now_us)
        bundle = self._sources.gatherer.gather(self._context(row, now_us))
        brief = compose(bundle)
        with self._database.unit_of_work() as session:
            self._store(session, work, bundle, brief, loss)
        return True

    def _context(self, row: IncidentRow, now_us: int) -> IncidentContext:
        objectives = self._sources.objectives
        known = [objectives[one] for one in row.objective_ids if one in objectives]
        return IncidentContext(
            incident_id=row.id,
            title=row.title,
            service=row.service,
            onset_us=row.onset_us,
            now_us=row.resolved_us or now_us,
            objective_ids=tuple(row.objective_ids),
            segments=tuple(row.segments),
            labels=row.labels,
            rule=rule_of(known),
            resolved_us=row.resolved_us,
        )

    def _store(
        self,
        session: Session,
        seen: BriefWorkRow,
        bundle: EvidenceBundle,
        brief: Brief,
        loss: Loss | None,
    ) -> None:
        now_us = self._clock.now_us()
        work = session.get(BriefWorkRow, seen.incident_id)
        row = repository.incident(session, seen.incident_id)
        if work is None or row is None:
            return
        self._weigh(session, row, loss, missing_of(bundle))
        over = row.state == IncidentState.RESOLVED
        changed_meanwhile = work.due_us != seen.due_us
        if not changed_meanwhile:
            work.state = "clean" if over else "dirty"
            work.due_us = now_us + self._refresh_us(row, now_us)
        content, numbers = digests(bundle, brief, row)
        new_content = content != work.content
        standing = repository.newest_brief(session, row.id)
        model_stands = standing is not None and standing.source == "model" and not new_content
        new_numbers = numbers != work.numbers
        work.numbers = numbers
        wanted = new_content or (new_numbers and not model_stands)
        if wanted and (work.revision < MAX_REVISIONS or over):
            work.revision += 1
            work.content = content
            if row.objective_ids:
                # Our own alert's title names a promise; people want to read what breaks it.
                told = row.labels.get("alertname") == ALERT_NAME
                row.title = row.title if told else title_of(bundle) or row.title
            self._write(session, row, work.revision, bundle, brief)
            if new_content and self._sources.model_set and not over:
                work.ask, work.asked_times = "wanted", 0
            relabelled = standing is None or standing.labels != dict(bundle.labels)
            # What cannot be seen just now speaks neither for a step nor against one.
            blind = standing is not None and "events" in bundle.missing_sources
            if relabelled and not over and not blind:
                publish(session, brief_ready(row, work.revision, bundle), now_us)
            self._admission.changed(session, row, "brief")
        elif wanted or new_numbers:
            self._admission.changed(session, row, "impact")
        session.add(work)
        session.add(row)

    def _refresh_us(self, row: IncidentRow, now_us: int) -> int:
        """At first more often: within seconds of the onset few units speak about the cause."""
        refresh_us = self._settings.brief_refresh_s * SECOND_US
        young = now_us - row.opened_us < _YOUNG_US
        return min(refresh_us, _YOUNG_REFRESH_US) if young else refresh_us

    def _weigh(
        self,
        session: Session,
        row: IncidentRow,
        loss: Loss | None,
        missing: Mapping[str, Any] | None,
    ) -> None:
        """Store the loss; let the severity rise where the shop loses more."""
        if loss is None:
            return
        row.impact = stored(loss, missing, (row.onset_us, row.resolved_us or self._clock.now_us()))
        if row.state != IncidentState.RESOLVED:
            self._admission.weigh(session, row, with_missing(loss.impact, missing))

    def _write(
        self,
        session: Session,
        row: IncidentRow,
        revision: int,
        bundle: EvidenceBundle,
        brief: Brief,
    ) -> None:
        for piece in bundle.evidence:
            session.add(evidence_row(row.id, revision, piece))
        session.add(
            brief_row(row.id, (revision, revision), brief, bundle.labels, self._clock.now_us())
        )
        record_brief(self._admission, session, row, revision, brief)


def digests(bundle: EvidenceBundle, brief: Brief, row: IncidentRow) -> tuple[str, str]:
    """What the brief says without its numbers, and the rough sizes of the numbers."""
    content = {
        "labels": dict(bundle.labels),
        "verdict": str(bundle.verdict),
        "missing": list(bundle.missing_sources),
        "kinds": sorted(piece.kind for piece in bundle.evidence),
        "over": row.state == IncidentState.RESOLVED,
        "claims": len(brief.claims),
    }
    counted = [row.impact.get("bad", 0), *row.impact.get("lost_minor", {}).values()]
    counted.append(row.impact.get("missing", {}).get("mid", 0))
    sizes = {"sizes": [_size(one) for one in counted], "severity": str(row.severity)}
    return _digest(content), _digest(sizes)


def _size(count: int) -> int:
    """Steps of a quarter: 100 and 120 are one size, 100 and 130 are two."""
    return math.floor(math.log(count) / math.log(1.25)) if count > 0 else -1


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
