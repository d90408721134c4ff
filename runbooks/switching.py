"""The switch that stops all execution: for the moment in which nobody trusts the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlmodel import Session

from access.principal import Principal, Role
from access.refusal_log import RefusalLog
from audit.entries import Entry
from kernel.clock import Clock, rfc3339
from kernel.database import Database
from kernel.errors import BadInput, Conflict, NotAllowed
from kernel.facts import publish
from kernel.facts.runbooks import ExecutionSwitched
from runbooks import repository
from runbooks.approval import OPEN, Event, State
from runbooks.holding import off_words
from runbooks.models import ApprovalRow, SwitchRow
from runbooks.planning import sentence
from runbooks.ports import People
from runbooks.records import Trail, announce
from runbooks.schemas import RunningOut, SwitchOut

SWITCHERS = (Role.OWNER, Role.ADMIN)
MAX_REASON = 2_000
_MAX_NAMED = 50


class ExecutionSwitch:
    """Stops and resumes; its state lies in the database and outlives every process."""

    def __init__(
        self, database: Database, clock: Clock, trail: Trail, refusals: RefusalLog, people: People
    ) -> None:
        self._database = database
        self._clock = clock
        self._trail = trail
        self._refusals = refusals
        self._people = people

    def state(self) -> SwitchOut:
        """Whether anything may be carried out, and what is being carried out now."""
        with self._database.reading() as session:
            running = repository.in_states(session, (State.EXECUTING,))
            return _out(repository.switch(session, lock=False), running)

    def banner(self) -> str:
        """What every page says while all execution is off; "" while it is on."""
        with self._database.reading() as session:
            row = repository.switch(session, lock=False)
        return off_words(row) if row is not None and row.stopped else ""

    def stop(self, person: Principal, reason: str, channel: str) -> SwitchOut:
        """Cancel all that has not begun and let nothing begin; what runs already is named.

        Raises NotAllowed (recorded), BadInput without a reason, Conflict where it is off already.
        """
        return self._set(person, reason.strip(), channel, stopped=True)

    def resume(self, person: Principal, reason: str, channel: str) -> SwitchOut:
        """Let steps be proposed and approved again; nothing that was cancelled comes back."""
        return self._set(person, reason.strip(), channel, stopped=False)

    def _set(self, person: Principal, reason: str, channel: str, *, stopped: bool) -> SwitchOut:
        person = self._entitled(person)
        _check_reason(reason)
        with self._database.unit_of_work() as session:
            row = repository.switch(session, lock=True)
            now_us = self._clock.now_us()
            if (row is not None and row.stopped) == stopped:
                raise Conflict(_already(row))
            now = SwitchRow(
                id=1,
                version=row.version + 1 if row else 1,
                stopped=stopped,
                reason=reason,
                person_id=person.person_id,
                person_name=person.name,
                at_us=now_us,
            )
            row = session.merge(now)
            session.flush()
            cancelled = self._cancel_all(session, row, now_us) if stopped else 0
            running = repository.in_states(session, (State.EXECUTING,))
            ids = [one.id for one in running[:_MAX_NAMED]]
            self._trail.switched(session, person, (stopped, reason, channel), cancelled, ids)
            fact = ExecutionSwitched(
                stopped=stopped,
                by=person.name,
                reason=reason,
                cancelled=cancelled,
                running=ids,
                at_us=now_us,
            )
            publish(session, fact, now_us)
            return _out(row, running, cancelled)

    def _cancel_all(self, session: Session, switch: SwitchRow, now_us: int) -> int:
        """In one transaction with the switch; read in parts, so that none is too many."""
        note, by, count = off_words(switch), switch.person_id, 0
        while rows := repository.in_states(session, OPEN):
            for row in rows:
                changed = repository.transition(session, row, Event.CANCEL, now_us, note=note)
                if changed is None:
                    raise Conflict("an approval changed just now", hint="stop again at once")
                self._trail.cancelled(session, changed, "switch")
                announce(session, changed, by, now_us)
                count += 1
        return count

    def _entitled(self, person: Principal) -> Principal:
        held = person.roles & self._people.roles_of(person.person_id)
        if person.kind == "person" and held & set(SWITCHERS):
            return replace(person, roles=held)
        self._refusals.refused(
            Entry(
                "authz.denied",
                person.actor(),
                "execution",
                "switch",
                outcome="denied",
                data={"needed": sorted(SWITCHERS)},
            )
        )
        raise NotAllowed(
            f"execution is switched off and on by a person with the role {' or '.join(SWITCHERS)}",
            hint="ask one of them; your attempt was recorded",
        )


def _check_reason(reason: str) -> None:
    if not reason:
        raise BadInput(
            "switching needs a written reason", path="reason", hint="it is shown on every page"
        )
    if len(reason) > MAX_REASON:
        raise BadInput(f"a reason has at most {MAX_REASON} characters", path="reason")


def _already(row: SwitchRow | None) -> str:
    if row is None:
        return "execution was never switched off"
    word = "off" if row.stopped else "on"
    return f"execution is {word} already, by {row.person_name} at {rfc3339(row.at_us)}"


def _out(row: SwitchRow | None, running: Sequence[ApprovalRow], cancelled: int = 0) -> SwitchOut:
    return SwitchOut(
        stopped=row is not None and row.stopped,
        reason=row.reason if row else "",
        by=row.person_name if row else "",
        at=rfc3339(row.at_us) if row else None,
        cancelled=cancelled,
        running=[
            RunningOut(
                id=one.id, incident_id=one.incident_id, what=sentence(one.action, one.preconditions)
            )
            for one in running[:_MAX_NAMED]
        ],
    )
