"""People, clocks, crashes and edits around approvals, and an oracle that knows only the rules.

The oracle is told what each person was shown and said, and judges each action at the moment in
which it reaches the shop. It shares no code with what decides.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from access.principal import Principal, Role
from audit.story import Story
from kernel.clock import parse_rfc3339
from kernel.errors import TillwatchError
from runbooks import repository
from runbooks.actions.port import Outcome, Unreadable
from runbooks.approval import State
from runbooks.models import ApprovalRow
from runbooks.planning import Action
from runbooks.ports import ChangeAuthor
from runbooks.schemas import ApprovalOut
from tests.runbooks.world import LABELS, World, person

ROLLBACK = {
    "change_kind": "deploy",
    "change_service": "checkout",
    "service": "checkout",
    "objective": "checkout-success",
    "error_type": "http_5xx",
}
SITUATIONS = {"reroute": LABELS, "rollback": ROLLBACK}
AUTHOR = "dee"
PEOPLE: dict[str, frozenset[Role]] = {
    "ann": frozenset({Role.RESPONDER}),
    "bob": frozenset({Role.APPROVER}),
    "cid": frozenset({Role.OWNER}),
    AUTHOR: frozenset({Role.OWNER}),
    "eve": frozenset({Role.VIEWER}),
    "bot": frozenset({Role.OWNER}),
}
_VOTES = {Role.RESPONDER, Role.APPROVER, Role.OWNER}


class Crash(Exception):
    """The process dies here."""


@dataclass
class Request:
    """What the oracle knows of one approval: what was shown first, and who said what to it."""

    shown: ApprovalOut
    yes: dict[str, frozenset[Role]] = field(default_factory=dict)
    ended: str = ""


class Oracle:
    """Judges actions. `roles` are those of this moment."""

    def __init__(self) -> None:
        self.roles = dict(PEOPLE)
        self.requests: dict[str, Request] = {}
        self.ran: list[str] = []
        self.is_off = False
        self.edited: set[str] = set()

    def judge(self, world: World, action: Action, approval_id: str) -> None:
        """Called by the shop with what arrives. Raises AssertionError for what must not happen."""
        assert approval_id not in self.ran, "an action ran twice"
        self.ran.append(approval_id)
        request = self.requests.get(approval_id)
        assert request is not None, "an action ran that nobody was ever shown"
        shown = request.shown
        assert not self.is_off, "an action began while all execution was off"
        assert not request.ended, f"an action ran that was {request.ended}"
        assert approval_id not in self.edited, "an action ran whose runbook was edited"
        assert world.clock.now_us() < parse_rfc3339(shown.expires_at), (
            "an action ran after its time"
        )
        told = " ".join(shown.dry_run) + shown.what
        assert all(str(part) in told for part in _sent(action)), "another action than was shown"
        self._count(shown.tier, request)

    def _count(self, tier: str, request: Request) -> None:
        """Entitled then and now, each person once."""
        both = {who: roles & self.roles[who] for who, roles in request.yes.items() if who != "bot"}
        if tier in {"R1", "R2"}:
            assert any(roles & _VOTES for roles in both.values()), "nobody entitled allowed it"
            return
        assert tier == "R3", f"an action of tier {tier} ran"
        able = {who for who, roles in both.items() if roles & {Role.APPROVER, Role.OWNER}}
        assert len(able) >= 2, "fewer than two entitled people allowed it"
        assert any(Role.OWNER in both[who] for who in able), "no owner allowed it"
        assert able - {AUTHOR}, "only who made the change allowed it"


class Shop:
    """Flags and releases in memory; the oracle sees all that arrives. Dies where it is told to."""

    def __init__(self, world: World, oracle: Oracle) -> None:
        self._world, self._oracle = world, oracle
        self.values: dict[str, Any] = {}
        self.dies = ""

    def observe(self, action: Action) -> dict[str, Any]:
        self._die("looking")
        if self.dies == "unreadable":
            raise Unreadable("the shop does not answer")
        return {"value": self.values.get(_key(action), "adyen")} if "key" in action else {}

    def dry_run(self, action: Action, action_id: str) -> list[str]:
        return [*map(str, _sent(action)), action_id]

    def run(self, action: Action, action_id: str) -> Outcome:
        self._die("before")
        self._oracle.judge(self._world, action, action_id)
        self.values[_key(action)] = action.get("value")
        self._die("after")
        return Outcome("succeeded", "done")

    def _die(self, where: str) -> None:
        if self.dies == where:
            raise Crash(where)


class Scene:
    """One installation with people in it; each method is one thing that may happen."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.oracle = Oracle()
        self.shop = Shop(self.world, self.oracle)
        for name in ("flag", "http", "manual"):
            self.world.service.adapters[name] = self.shop  # type: ignore[index]
        self.world.changes.authors["checkout"] = ChangeAuthor("Dee", f"p-{AUTHOR}")
        self.world.roles_of = self._roles_of  # type: ignore[method-assign]
        self.old_views: list[ApprovalRow] = []
        self.settled: dict[str, str] = {}
        self._revision = 0
        self._incidents = 0

    def close(self) -> None:
        """The log alone must tell a story that can have happened."""
        try:
            story = Story()
            broken = [wrong for one in self.world.records() if (wrong := story.tell(one))]
            assert broken == []
        finally:
            self.world.close()

    def who(self, name: str) -> Principal:
        kind = "machine" if name == "bot" else "person"
        return person(name, *sorted(self.oracle.roles[name]), kind=kind)

    def brief(self, situation: str, incident: str) -> None:
        self._revision += 1
        labels = SITUATIONS[situation]
        self.world.brief(labels, incident_id=incident, revision=self._revision)
        self.prepare()

    def begin(self, situation: str) -> int | None:
        """An incident of its own; the number of its step that waits for people, if one does."""
        self._incidents += 1
        incident = f"incident-of-its-own-{self._incidents}"
        self.brief(situation, incident)
        for number, request in enumerate(self.oracle.requests.values()):
            if request.shown.incident_id == incident:
                return number
        return None

    def everybody_is_back(self) -> None:
        """All have their roles, and execution is on."""
        self.oracle.roles = dict(PEOPLE)
        if self.oracle.is_off:
            self.switch("cid", off=False)

    def runbook_of(self, index: int) -> str:
        request = self._nth(index)
        return request.shown.runbook if request else ""

    def prepare(self) -> None:
        self._live(self.world.service.preparing.step)
        for one in self.world.service.approvals():
            if one.digest and one.id not in self.oracle.requests:
                self.oracle.requests[one.id] = Request(one)

    def say(self, name: str, index: int, decision: str) -> str:
        """Click on anything that was ever shown; the new state, or "" where it was refused."""
        request = self._nth(index)
        if request is None:
            return ""
        shown = request.shown
        args = (shown.id, self.who(name), decision, shown.digest, "because")
        out = self._asked(lambda: self.world.service.decide(*args))
        if out is None:
            return ""
        if decision == "reject":
            request.ended = "rejected"
        else:
            request.yes.setdefault(name, self.oracle.roles[name])
        return out.state

    def revoke(self, name: str, index: int) -> None:
        request = self._nth(index)
        if request is not None:
            args = (request.shown.id, self.who(name), "because")
            if self._asked(lambda: self.world.service.revoke(*args)) is not None:
                request.ended = "taken back"

    def switch(self, name: str, *, off: bool) -> None:
        execution = self.world.service.execution
        do = execution.stop if off else execution.resume
        if self._asked(lambda: do(self.who(name), "because", "web")) is not None:
            self.oracle.is_off = off

    def give(self, name: str, roles: frozenset[Role]) -> None:
        self.oracle.roles[name] = roles

    def wait(self, seconds: int) -> None:
        self.world.clock.advance_s(seconds)

    def edit(self, runbook: str) -> None:
        """Somebody merges a change of a runbook's file."""
        path = self.world.library / f"{runbook}.md"
        path.write_bytes(path.read_bytes() + b"\nOne more sentence.\n")
        known = self.oracle.requests.values()
        self.oracle.edited |= {one.shown.id for one in known if one.shown.runbook == runbook}

    def tamper(self, index: int) -> None:
        """Somebody with a SQL prompt."""
        request = self._nth(index)
        if request is not None and request.shown.kind == "flag":
            evil = "json_set(action, '$.value', 'evil')"
            self.world.sql(f"UPDATE approval SET action = {evil} WHERE id = '{request.shown.id}'")

    def upkeep(self) -> None:
        self.world.service.expire()
        self.world.service.review.run()
        self.prepare()

    def resolve(self, incident: str) -> None:
        self.world.resolve(incident)

    def remember(self) -> None:
        """A slow executor has read what is approved, and will act on it much later."""
        with self.world.database.reading() as session:
            self.old_views += repository.in_states(session, (State.APPROVED,))

    def execute(self, dies: str = "", *, sealed: bool = True) -> None:
        """One round of an executor that was just started; it may die at a place."""
        if sealed:
            self.world.seal()
        self.shop.dies = dies
        self._live(self.world.another_executor().step)
        self.shop.dies = ""

    def execute_old_view(self) -> None:
        if self.old_views:
            self.world.seal()
            view = self.old_views.pop()
            self._live(lambda: self.world.another_executor()._try(view))

    def check(self) -> None:
        """Terminal states never leave."""
        ends = {"rejected", "revoked", "cancelled", "expired", "superseded", "stale", "failed"}
        ends |= {"unknown", "recovered", "rollback_proposed"}
        now = {one.id: one.state for one in self.world.service.approvals()}
        for approval_id, state in self.settled.items():
            assert now[approval_id] == state, f"{state} became {now[approval_id]}"
        self.settled |= {one: state for one, state in now.items() if state in ends}

    def _roles_of(self, person_id: str) -> frozenset[Role]:
        return self.oracle.roles.get(person_id.removeprefix("p-"), frozenset())

    def _nth(self, index: int) -> Request | None:
        known = list(self.oracle.requests.values())
        return known[index % len(known)] if known else None

    @staticmethod
    def _asked(do: Any) -> Any:
        try:
            return do()
        except TillwatchError:
            return None

    @staticmethod
    def _live(do: Any) -> None:
        with contextlib.suppress(Crash):
            do()


def _key(action: Action) -> str:
    return str(action.get("key") or action.get("url") or action.get("instructions"))


def _sent(action: Action) -> list[Any]:
    return [_key(action), *([action["value"]] if "value" in action else [])]
