"""The gate and the policy's state: what rules say now, with the words of people beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from audit.entries import Actor, Entry
from audit.log import AuditLog
from kernel.clock import Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, NotFound
from kernel.facts.triage import IncidentOpened, IncidentResolved
from slo.corrections import repository as corrections
from slo.openslo.problems import suggest
from slo.policy import repository
from slo.policy.judgement import Situation, Verdict, judge
from slo.policy.models import IncidentSpanRow, OverrideRow, RecordedStateRow
from slo.policy.presenting import gate_out, override_out, policy_out, postmortems_out
from slo.policy.rules import ChangeKind
from slo.policy.schemas import GateOut, OverrideOut, PolicyListOut, ServicePolicyOut, ToldOut
from slo.policy.situation import LOOK_BACK_US, Gathering, Told

_ENGINE = Actor("system", "slo")


@dataclass(frozen=True)
class _Words:
    """What is stored of people and incidents, read at one moment."""

    told: Told
    overrides: Mapping[str, OverrideRow]
    recorded: Mapping[str, RecordedStateRow]


class PolicyService:
    """Judges; people's decisions are in `slo.policy.decisions`. Threads may share it."""

    def __init__(
        self, database: Database, audit_log: AuditLog, clock: Clock, gathering: Gathering
    ) -> None:
        self._database = database
        self._audit_log = audit_log
        self._clock = clock
        self._gathering = gathering
        self._seen: dict[str, str] = {}

    def gate(self, service: str, change_kind: str = ChangeKind.FEATURE) -> GateOut:
        """May a change of this kind go out? Raises NotFound for a service without an objective."""
        change = change_kind_of(change_kind)
        self.check_service(service)
        words = self._words()
        situation = self._gathering.situation(service, words.told)
        return self._gate(situation, change, words.overrides.get(service))[1]

    def all(self) -> PolicyListOut:
        """Every service with its state, its rules and what a deploy would be told now."""
        words = self._words()
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            overrides = [override_out(row, now_us) for row in repository.overrides(session)]
        return PolicyListOut(
            services=[self._service(one, words) for one in self._gathering.services()],
            policies=[policy_out(one) for one in self._gathering.policies.policies],
            overrides=overrides,
            problems=[one.as_dict() for one in self._gathering.policies.problems],
        )

    def one(self, service: str) -> ServicePolicyOut:
        """One service. Raises NotFound."""
        self.check_service(service)
        return self._service(service, self._words())

    def overrides(self) -> Sequence[OverrideOut]:
        """All overrides, newest first, at most 200."""
        with self._database.reading() as session:
            rows = repository.overrides(session)
        return [override_out(row, self._clock.now_us()) for row in rows]

    def check_service(self, service: str) -> None:
        """Raises NotFound where nothing is promised for the service: a typo must not pass."""
        known = self._gathering.services()
        if service not in known:
            raise NotFound(
                f"no objective promises anything for {service[:80]!r}{suggest(service, known)}",
                hint="`tillwatch slo list` and GET /api/policy name the services",
            )

    # --- what the engine does ----------------------------------------------------------------

    def record_states(self) -> None:
        """Job: tell the audit of each change of a service's state, once.

        A change counts once two passes in a row have seen it: a watermark that hesitates for a
        moment makes no history.
        """
        words = self._words()
        seen = {one: self._state(one, words) for one in self._gathering.services()}
        steady = {name: state for name, state in seen.items() if self._seen.get(name) == state}
        self._seen = seen
        for service, state in steady.items():
            recorded = words.recorded.get(service)
            if recorded is None or recorded.state != state:
                self._record(service, state)

    def on_opened(self, session: Session, fact: IncidentOpened) -> None:
        """Remember when the incident began."""
        row = session.get(IncidentSpanRow, fact.incident_id)
        if row is None:
            session.add(
                IncidentSpanRow(
                    incident_id=fact.incident_id,
                    number=fact.number,
                    service=fact.service,
                    objective_ids=list(fact.objective_ids),
                    onset_us=fact.onset_us,
                )
            )

    def on_resolved(self, session: Session, fact: IncidentResolved) -> None:
        """Remember when it ended, and which objectives it was about in the end."""
        row = session.get(IncidentSpanRow, fact.incident_id)
        if row is None:
            # It began before this subscriber listened; facts of one publisher come in order.
            return
        if not fact.counts:
            session.delete(row)
            return
        row.objective_ids = list(fact.objective_ids)
        row.onset_us = fact.onset_us
        row.resolved_us = fact.resolved_us
        session.add(row)

    # --- inner -------------------------------------------------------------------------------

    def _words(self) -> _Words:
        now_us = self._clock.now_us()
        with self._database.reading() as session:
            spans = repository.spans_since(session, now_us - LOOK_BACK_US)
            return _Words(
                told=Told(
                    spans,
                    repository.postmortems(session, [one.incident_id for one in spans]),
                    corrections.in_force(session, now_us),
                ),
                overrides=repository.overrides_in_force(session, now_us),
                recorded=repository.recorded_states(session),
            )

    def _gate(
        self, situation: Situation, change: ChangeKind, override: OverrideRow | None
    ) -> tuple[Verdict, GateOut]:
        now_us = self._clock.now_us()
        verdict = judge(situation, change, override.id if override else "")
        shown = override_out(override, now_us) if override else None
        policies = self._gathering.policies
        return verdict, gate_out(situation, verdict, change, shown, policies, now_us)

    def _service(self, service: str, words: _Words) -> ServicePolicyOut:
        situation = self._gathering.situation(service, words.told)
        override = words.overrides.get(service)
        answers = {one: self._gate(situation, one, override) for one in ChangeKind}
        verdict, gate = answers[ChangeKind.FEATURE]
        recorded = words.recorded.get(service)
        since_us = recorded.since_us if recorded and recorded.state == gate.state else None
        covering = {
            policy.name: policy.display_name
            for budget in situation.budgets
            for policy in self._gathering.policies.covering(service, budget.objective_id)
        }
        return ServicePolicyOut(
            service=service,
            state=gate.state,
            since=None if since_us is None else rfc3339(since_us),
            policies=list(covering.values()),
            gate=gate,
            told=[
                ToldOut(
                    change_kind=answer.change_kind,
                    outcome=answer.outcome,
                    allowed=answer.allowed,
                    sentence=answer.sentence,
                )
                for _, answer in answers.values()
            ],
            postmortems=postmortems_out(situation, verdict.findings),
            override=gate.override,
        )

    def _state(self, service: str, words: _Words) -> str:
        situation = self._gathering.situation(service, words.told)
        return judge(situation, ChangeKind.FEATURE).state.value

    def _record(self, service: str, state: str) -> None:
        now_us = self._clock.now_us()
        with self._database.unit_of_work() as session:
            row = session.get(RecordedStateRow, service)
            before = row.state if row else ""
            if before == state:
                return
            data = {"service": service, "from_state": before, "to_state": state}
            entry = Entry("policy.state", _ENGINE, "service", service, data=data)
            row = row or RecordedStateRow(service=service, state="", since_us=0, record="")
            row.state, row.since_us = state, now_us
            row.record = self._audit_log.record(session, entry)
            session.add(row)


def change_kind_of(text: str) -> ChangeKind:
    """The kind of change by its word. Raises BadInput naming all of them."""
    known = [one.value for one in ChangeKind]
    if text not in known:
        raise BadInput(
            f"there is no kind of change {text[:40]!r}{suggest(text, known)}",
            path="change_kind",
            hint=f"kinds: {', '.join(known)}",
        )
    return ChangeKind(text)
