"""What door and engine both build: the stores and the services over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from access.service import AccessService
from access.settings import AccessSettings
from app.change_authors import ShopChanges
from audit.log import AuditLog
from audit.settings import AuditSettings
from collector.changes.memory import ChangeMemory
from kernel.clock import Clock
from kernel.database import Database
from kernel.engine_status import read_status
from kernel.errors import NotFound
from kernel.settings import KernelSettings
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from runbooks.service import ApprovalService
from runbooks.settings import RunbookSettings
from slo.corrections.service import CorrectionService
from slo.last_good import load_running
from slo.ledger import LedgerMemory, LedgerReader
from slo.policy.catalogue import load_policies
from slo.policy.service import PolicyService
from slo.policy.settings import PolicySettings
from slo.policy.situation import Gathering
from slo.service import SloService
from slo.settings import SloSettings
from triage.admission import Admission
from triage.second_channel import SecondChannel
from triage.service import IncidentService
from triage.settings import TriageSettings
from triage.slack.asking import Called
from triage.slack.card import CardView, incident_card
from triage.slack.client import SlackClient
from triage.slack.membership import Pins
from triage.slack.publisher import SlackPublisher
from triage.slack.refusals import Refusals
from triage.slack.settings import SlackSettings
from triage.slack.view import card_view


class Core:
    """Stores and services of one process. Threads may share it."""

    def __init__(self, kernel: KernelSettings, database: Database, clock: Clock) -> None:
        self.kernel = kernel
        self.clock = clock
        self.database = database
        self.triage_settings = TriageSettings()
        self.slack_settings = SlackSettings()
        self.runbook_settings = RunbookSettings()
        self.audit_log = AuditLog(database, clock, AuditSettings(data_dir=kernel.data_dir))
        self.access_settings = AccessSettings()
        self.access = AccessService(database, self.audit_log, clock, self.access_settings)
        self.telemetry = SqliteTelemetryStore(
            kernel.telemetry_dir, clock, kernel.telemetry_retention_d
        )
        self.changes = ChangeMemory(kernel.telemetry_dir / "changes.db")
        self.slo_settings = SloSettings()
        self._ledger_memory = LedgerMemory()
        self.catalogue = load_running(self.slo_settings.slo_dir, kernel.data_dir)
        self.slo = SloService(database, self.ledger_reader, self.catalogue, clock, self._not_judged)
        self.policy = self._policy()
        self.corrections = CorrectionService(
            database, self.ledger_reader, self.catalogue, self.audit_log, clock
        )
        self.approvals = ApprovalService(
            database,
            self.audit_log,
            clock,
            self.runbook_settings,
            people=self.access,
            changes=ShopChanges(self.telemetry, self.access, clock),
        )
        self.second_channel = SecondChannel(self.triage_settings, kernel.public_url, clock)
        self.admission = Admission(
            clock, self.audit_log, self.triage_settings, self.second_channel, self.slo
        )
        settings = self.slack_settings
        self.slack_client = SlackClient(settings) if settings.configured else None
        self.slack_refusals = Refusals(database, self.audit_log, Pins.of(settings))
        self.slack = self._slack()
        self.incidents = IncidentService(
            database,
            clock,
            self.audit_log,
            self.admission,
            self.approvals,
            self.slack.notice if self.slack else None,
            people=self.access,
        )

    def _policy(self) -> PolicyService:
        policies = load_policies(PolicySettings().policy_dir, self.catalogue)
        gathering = Gathering(self.slo, self.ledger_reader, policies, self.clock)
        return PolicyService(self.database, self.audit_log, self.clock, gathering)

    def _not_judged(self) -> Mapping[str, str]:
        """Objectives that the engine fails at, by its newest sign of life."""
        status = read_status(self.kernel.data_dir)
        return status.not_judged if status is not None else {}

    def ledger_reader(self) -> LedgerReader:
        """A reader of its own for whoever asks: readers are not for sharing between threads."""
        return LedgerReader(self.kernel.ledger_path, self._ledger_memory)

    def card(self, incident_id: str) -> CardView | None:
        """What the incident's card shows now; None for an incident that is not there."""
        try:
            incident = self.incidents.show(incident_id)
        except NotFound:
            return None
        return card_view(
            incident,
            self.approvals.approvals(incident_id=incident.id),
            public_url=self.kernel.public_url,
            updated_us=self.clock.now_us(),
            simulated=self.runbook_settings.simulation,
            name_of=self.access.name_of,
            switched_off=self.approvals.execution.banner(),
        )

    def slack_preview(self, incident_id: str) -> Sequence[Mapping[str, Any]] | None:
        """The card's blocks where no Slack shows them; None where Slack does."""
        view = None if self.slack else self.card(incident_id)
        return incident_card(view).blocks if view else None

    def close(self) -> None:
        """Give all stores back."""
        self.telemetry.close()
        self.changes.close()
        self.database.close()

    def _slack(self) -> SlackPublisher | None:
        if self.slack_client is None:
            return None
        return SlackPublisher(
            self.database,
            self.clock,
            self.slack_client,
            self.slack_settings.slack_channel,
            self.card,
            Called(self.slack_settings.slack_on_call, self.slack_settings.slack_secondary),
            list_url=f"{self.kernel.public_url.rstrip('/')}/incidents",
        )
