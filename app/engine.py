"""The engine: everything that happens after an acknowledgement.

Spawned by the door and ended with it. Each part has a thread of its own; none of them can fail an
acknowledgement, and a part that fails is tried again without taking its neighbours with it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx2

from app.core import Core
from app.door_parts import derived_part
from app.engine_runtime import EngineRuntime
from app.garbage import collect_seldom
from app.recovery import SloRecovery
from app.stores import open_control, settings_for
from app.supervisor import watch_door
from app.watching import Plan
from audit import jobs as audit_jobs
from audit.sequencer import AuditSequencer
from collector import jobs as collector_jobs
from collector.changes.tracker import ChangeTracker
from collector.counts.closing import DayCloser
from collector.finder import Finder
from collector.limits import LimitsCollector, LimitsService
from collector.projector import Projector
from collector.redaction.keyfile import load_or_create
from collector.redaction.redactor import Redactor
from collector.settings import CollectorSettings
from kernel.clock import SECOND_US, SystemClock
from kernel.facts import FactDispatcher
from kernel.journal import JournalReader, JournalWriter, Stream
from kernel.observability import Metrics, configure_logging, configure_tracing, get_logger
from kernel.outbox import Outbox
from kernel.parts import Job, Part
from kernel.version import VERSION
from runbooks import jobs as runbooks_jobs
from runbooks.metrics import ApprovalCollector
from slo import jobs as slo_jobs
from slo.board import ChangeFeed
from slo.evaluation import Evaluator, short_rest
from slo.expiry import expiry_job
from slo.faults import Faults
from slo.last_good import keep_running
from slo.ledger import LedgerWriter
from slo.ledger.projector import LedgerProjector
from slo.ledger.snapshot import Snapshots, snapshot_job
from slo.ledger.writer import Told
from slo.metrics import FaultCollector, LedgerCopyCollector, SloCollector
from slo.policy import jobs as policy_jobs
from slo.rules.counters import UnitCounterCollector, UnitCounters
from slo.silence.metrics import VolumeCollector
from slo.silence.watcher import SilenceWatcher
from triage import jobs as triage_jobs
from triage import second_channel, step_notices
from triage.asking import Asking
from triage.blindness import Age, Heartbeat
from triage.brief.redaction import names_of
from triage.briefing import Briefing, Sources
from triage.evidence.evidence import EvidenceBundle
from triage.evidence.gather import EvidenceEngine
from triage.feedback import Feedback
from triage.intake import AlertIntake
from triage.model.settings import ModelSettings
from triage.slack.acts import Acts
from triage.slack.inbox import SlackInbox
from triage.slack.membership import Membership
from triage.slack.publisher import CHANNEL as SLACK
from triage.slack.publisher import SlackPublisher
from triage.slack.watch import SlackWatch
from triage.upkeep import Upkeep

_log = get_logger(__name__)
# Where the processor is short, acknowledging comes before counting, three to one.
_NICENESS = 5


class Engine:
    """Builds all parts and jobs over the core."""

    def __init__(self, core: Core, metrics: Metrics) -> None:
        self.core = core
        self.metrics = metrics
        kernel, clock = core.kernel, core.clock
        self.derived = JournalWriter(kernel.derived_path, clock, max_bytes=kernel.journal_max_bytes)
        journal = JournalReader(kernel.journal_path)
        self.finder = Finder(journal, self.derived, core.telemetry.cursor)
        self.plan = Plan.read()
        self.redactor = Redactor(load_or_create(kernel.data_dir))
        self.files, self.pages = self.plan.watches(core, self.derived, self.redactor)
        self.sequencer = AuditSequencer(core.database, core.audit_log, clock)
        self.counted = ChangeFeed()
        self.faults = Faults()
        self.evaluator = Evaluator(
            core.database,
            core.ledger_reader,
            core.catalogue,
            clock,
            self.counted,
            rest=short_rest,
            faults=self.faults,
        )
        self.silence = SilenceWatcher(
            core.database, core.ledger_reader, core.catalogue, clock, self.faults
        )
        self.outbox = Outbox(core.database, clock)
        _keep_objectives(core)
        self.http = httpx2.Client(timeout=10, trust_env=False)
        self.facts = FactDispatcher(core.database, clock, self._fact_failed)
        for subscription in [
            *triage_jobs.subscriptions(core.admission, core.second_channel),
            step_notices.subscription(_notices(core), core.second_channel.notice),
            *runbooks_jobs.subscriptions(core.approvals),
            *policy_jobs.subscriptions(core.policy),
            *([core.slack.subscription()] if core.slack else []),
        ]:
            self.facts.subscribe(subscription)
        second_channel.register(self.outbox, core.triage_settings, self.http, clock)
        if core.slack:
            self.outbox.register(SLACK, core.slack.deliver)
        metrics.registry.register(SloCollector(core.slo))
        metrics.registry.register(FaultCollector(self.faults))
        metrics.registry.register(ApprovalCollector(core.database))
        metrics.registry.register(LedgerCopyCollector(kernel.ledger_path, clock))
        self.unit_counters = UnitCounters(core.ledger_reader, core.catalogue)
        metrics.registry.register(UnitCounterCollector(self.unit_counters, core.catalogue))
        metrics.registry.register(VolumeCollector(self.silence))
        limits = LimitsService(core.telemetry, clock)
        metrics.registry.register(LimitsCollector(limits, core.telemetry))

    def parts(self) -> list[Part]:
        """The loops."""
        core = self.core
        found = [
            *audit_jobs.parts(self.sequencer),
            *collector_jobs.parts(self.finder, self._projector(), self._tracker()),
            Part("slo.ledger.project", self._ledger_projector().step),
            Part("facts.dispatch", self.facts.step),
            *self.outbox.parts(),
            *runbooks_jobs.parts(core.database, core.audit_log, core.clock, core.approvals),
            *self._triage_parts(),
            derived_part(core, self.derived),
        ]
        if core.slack:
            found += self._slack_parts(core.slack)
        return found

    def jobs(self) -> list[Job]:
        """The recurring work."""
        core, kernel = self.core, self.core.kernel
        upkeep = Upkeep(
            core.database,
            core.clock,
            core.admission,
            core.second_channel,
            core.slack.notice if core.slack else None,
        )
        heartbeat = Heartbeat(core.triage_settings, self._ages(), self.http)
        slack = SlackWatch(core.database, core.clock, core.second_channel.notice)
        return [
            *([slack.job()] if core.slack else []),
            *slo_jobs.jobs(self.evaluator, self.silence, core.corrections),
            snapshot_job(
                Snapshots(
                    kernel.ledger_path, kernel.journal_path, kernel.journal_max_bytes, core.clock
                )
            ),
            *policy_jobs.jobs(core.policy),
            expiry_job(kernel.ledger_path, self.derived, core.catalogue.all()),
            *collector_jobs.jobs(
                core.telemetry, core.clock, kernel.telemetry_retention_d, self._day_closer()
            ),
            *collector_jobs.watching(self.files, self.pages, self.plan.settings.flagd_poll_s),
            *triage_jobs.jobs(core.triage_settings, upkeep, heartbeat),
            *runbooks_jobs.jobs(
                core.database, core.audit_log, core.clock, core.approvals, SloRecovery(core.slo)
            ),
        ]

    def close(self) -> None:
        """Sign what is left, then give everything back."""
        self.sequencer.stop()
        self.derived.close()
        self.http.close()
        self.core.close()

    def _projector(self) -> Projector:
        kernel = self.core.kernel
        return Projector(
            JournalReader(kernel.journal_path),
            JournalReader(kernel.derived_path),
            self.core.telemetry,
            self.redactor,
            lambda: self.finder.position,
            self.core.clock,
            budgets=CollectorSettings().budgets(),
        )

    def _day_closer(self) -> DayCloser:
        core = self.core
        return DayCloser(core.database, core.audit_log, JournalReader(core.kernel.journal_path))

    def _tracker(self) -> ChangeTracker:
        kernel = self.core.kernel
        return ChangeTracker(
            JournalReader(kernel.journal_path),
            JournalReader(kernel.derived_path),
            self.core.telemetry,
            self.core.changes,
            self.pages.hint,
        )

    def _tell(self, told: Told) -> None:
        """What the ledger has just counted: for the next pass, and for Prometheus."""
        self.counted.put(told)
        self.unit_counters.put(told)

    def _ledger_projector(self) -> LedgerProjector:
        core, kernel = self.core, self.core.kernel
        writer = LedgerWriter(kernel.ledger_path, core.clock, core.catalogue.all(), told=self._tell)
        journal = JournalReader(kernel.journal_path)

        def raw_done_us() -> int:
            """Receive time up to which raw records were searched for shop events."""
            head = journal.head()
            waiting = journal.read([Stream.RAW], self.finder.position, limit=1)
            return waiting[0].received_us if waiting else head.tick_us

        return LedgerProjector(
            writer, kernel.journal_path, kernel.derived_path, raw_done_us, self.faults
        )

    def _triage_parts(self) -> list[Part]:
        core = self.core
        intake = AlertIntake(
            core.database, JournalReader(core.kernel.journal_path), core.admission, core.clock
        )
        asking = _asking(core, self.metrics)
        sources = Sources(
            gatherer=EvidenceEngine(core.telemetry, core.slo, core.clock),
            budgets=core.slo,
            objectives={one.id: one for one in core.catalogue.all()},
            model_set=asking is not None,
        )
        briefing = Briefing(
            core.database, core.clock, core.admission, core.triage_settings, sources
        )
        return triage_jobs.parts(intake, briefing, asking)

    def _slack_parts(self, slack: SlackPublisher) -> list[Part]:
        core = self.core
        if core.slack_client is None:
            return []
        feedback = Feedback(core.database, core.audit_log)
        acts = Acts(core.approvals, core.incidents, feedback, core.clock)
        inbox = SlackInbox(
            core.database,
            JournalReader(core.kernel.journal_path),
            slack,
            people=core.access,
            members=Membership(core.slack_client, core.clock),
            do=acts.do,
            refusals=core.slack_refusals,
        )
        return [inbox.part()]

    def _ages(self) -> Mapping[str, Age]:
        journal = JournalReader(self.core.kernel.journal_path)

        def since_s(at_us: int | None) -> float | None:
            return None if not at_us else (self.core.clock.now_us() - at_us) / SECOND_US

        def outbox_s() -> float:
            return since_s(self.outbox.oldest_waiting_us()) or 0.0

        return {
            "evaluation": lambda: since_s(self.evaluator.last_evaluation_us),
            "journal": lambda: since_s(journal.head().tick_us),
            "outbox": outbox_s,
        }

    @staticmethod
    def _fact_failed(subscriber: str, text: str) -> None:
        _log.error("facts.handler_failed", subscriber=subscriber, error=text[:500])


def _notices(core: Core) -> Sequence[step_notices.Notice]:
    slack = [core.slack.notice] if core.slack else []
    return [*slack, core.second_channel.notice]


def _keep_objectives(core: Core) -> None:
    """The set that loaded is kept for a restart with faulty files."""
    catalogue = core.catalogue
    if catalogue.fault:
        _log.error("slo.objectives.faulty", reason=catalogue.fault[:2000])
        return
    try:
        keep_running(catalogue, core.slo_settings.slo_dir, core.kernel.data_dir)
    except OSError as error:
        _log.error("slo.objectives.not_kept", error=str(error))


def _asking(core: Core, metrics: Metrics) -> Asking | None:
    """The model's part, where a key is set. The client is imported only then: it is large."""
    settings = ModelSettings()
    if not settings.openai_api_key.get_secret_value():
        return None
    from triage.model.client import ModelClient
    from triage.model.explaining import Explainer
    from triage.model.lookup import Lookup
    from triage.model.outcome import Candidate, ModelOutcome
    from triage.model.spending import Spending
    from triage.model.tally import ModelCollector

    def candidates(labels: Mapping[str, str]) -> list[Candidate]:
        return [
            Candidate(match.runbook.id, match.step.id, match.step.title, match.why)
            for match in core.approvals.catalogue.match(labels)
        ]

    objectives = core.catalogue.all()
    lookup = Lookup(core.telemetry, {one.id: one for one in objectives})
    known = names_of(objectives)
    spending = Spending(core.database, core.clock)
    explainer = Explainer(settings, core.clock, ModelClient(settings), spending, known)
    metrics.registry.register(ModelCollector(explainer.tally, spending))

    def ask(bundle: EvidenceBundle, steps: Sequence[Candidate]) -> ModelOutcome:
        return explainer.explain(bundle, steps, lookup.look)

    return Asking(core.database, core.clock, core.audit_log, core.admission, ask, candidates)


def main(arguments: list[str]) -> int:
    """`python -m app.engine --data-dir D`: run until the door is gone or SIGTERM."""
    configure_logging()
    os.nice(_NICENESS)
    stop = threading.Event()
    ended: Callable[[], None] = stop.set
    signal.signal(signal.SIGTERM, lambda *_: ended())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal goes to the door
    watch_door(ended)
    kernel = settings_for(Path(arguments[1]))
    clock = SystemClock()
    metrics = Metrics()
    flush = configure_tracing("engine", VERSION)
    engine = Engine(Core(kernel, open_control(kernel), clock), metrics)
    runtime = EngineRuntime(metrics, clock, kernel.data_dir, engine.faults.reasons)
    collect_seldom()
    runtime.start(engine.parts(), engine.jobs())
    stop.wait()
    runtime.stop()
    engine.close()
    flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
