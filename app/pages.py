"""Wires the pages to the features' services: pages read, they never decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.core import Core
from collector.endpoints import CollectorServices
from dashboards.live import LiveFeed
from dashboards.readers import Document, Readers
from dashboards.runbook_page import runbook_document
from kernel.engine_status import read_status
from kernel.journal import ItemClass
from kernel.journal.admission import Reason
from slo.ledger.progress import progress
from triage.service import ACTING
from triage.slack.watch import outage

_STALE_AFTER_S = 20.0
_PAGE_RECORDS = 50


def page_readers(
    core: Core,
    collector: CollectorServices,
    feed: LiveFeed,
    refusing: Callable[[], Mapping[ItemClass, Reason]],
) -> Readers:
    """Everything the pages read. `refusing`: what the door does not take, or did not lately."""

    def series(slo_id: str, from_us: int, to_us: int, step_s: int) -> Sequence[Mapping[str, Any]]:
        points = core.slo.series(slo_id, from_us, to_us, step_s)
        return [point.model_dump() for point in points]

    def letter(letter_id: str) -> Document:
        now = collector.replayer.preview(letter_id).document()
        return {**collector.deadletters.show(letter_id), "now": now}

    def letters(rule: str, source: str) -> Document:
        found = collector.deadletters.list(rule=rule, source=source)
        return {"deadletters": found, "totals": collector.deadletters.totals()}

    def records(before: int, kind: str, incident: str) -> Sequence[Any]:
        return core.audit_log.entries(
            before=before if before >= 0 else None,
            type=kind,
            incident=incident,
            limit=_PAGE_RECORDS,
        )

    def runbook(runbook_id: str) -> Document:
        return runbook_document(core.approvals.catalogue.get(runbook_id))

    return Readers(
        clock=core.clock,
        feed=feed,
        slos=core.slo.list,
        slo=core.slo.show,
        slo_series=series,
        corrections=core.corrections.of_objective,
        corrections_waiting=lambda: core.corrections.list(state="proposed"),
        incidents=core.incidents.list,
        incident=core.incidents.show,
        timeline=core.incidents.timeline,
        alert_health=core.incidents.alert_health,
        approvals=core.approvals.approvals,
        runbooks=lambda: [runbook_document(one) for one in core.approvals.catalogue.all()],
        runbook=runbook,
        records=records,
        checkpoint=core.audit_log.checkpoint,
        deadletters=letters,
        deadletter=letter,
        policy=core.policy.all,
        gate=core.policy.gate,
        name_of=core.access.name_of,
        responders=lambda: core.access.responders(ACTING),
        execution=core.approvals.execution.state,
        slack_preview=core.slack_preview,
        stale=lambda: _stale(core, collector, refusing()),
        simulation=core.runbook_settings.simulation,
    )


def _stale(core: Core, collector: CollectorServices, refused: Mapping[ItemClass, Reason]) -> str:
    """Why a page may show less than there is; "" where nothing is wrong."""
    told = (
        _refused(refused),
        core.catalogue.fault,
        _behind(core),
        _engine_trouble(core, collector),
        _slack_outage(core),
    )
    return " ".join(one for one in told if one)


def _behind(core: Core) -> str:
    """How far a ledger has come that has much to count."""
    found = progress(core.kernel.ledger_path, core.kernel.journal_path)
    return found.text if found is not None else ""


def _engine_trouble(core: Core, collector: CollectorServices) -> str:
    """What is wrong behind the door, in one sentence."""
    status = read_status(core.kernel.data_dir)
    if status is None:
        return "The engine has not reported yet; events are accepted and kept."
    age_s = status.age_s(core.clock.now_us())
    if age_s > _STALE_AFTER_S:
        return f"The engine was last heard {age_s:.0f} s ago; events are accepted and kept."
    if status.failing:
        return "Failing: " + ", ".join(sorted(status.failing)) + "."
    if status.not_judged:
        return "Not judged, read the log: " + ", ".join(sorted(status.not_judged)) + "."
    return collector.limits.warning()


def _slack_outage(core: Core) -> str:
    if core.slack is None:
        return ""
    with core.database.reading() as session:
        found = outage(session, core.clock.now_us())
    return found.text if found else ""


def _refused(classes: Mapping[ItemClass, Reason]) -> str:
    if not classes:
        return ""
    reasons = ", ".join(dict.fromkeys(classes.values()))
    return f"Refusing {', '.join(classes)} for lack of room ({reasons}); the rest is accepted."
