"""Whatever people, clocks and crashes do: no action without its quorum for exactly that, and once.

The same scene is played by chance (Hypothesis), and by hand with a bug planted in the product: each
plant must be caught, or the oracle is blind.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from access.principal import Role
from runbooks import deciding, executor, repository, review
from runbooks.policy import Voter, may_decide
from runbooks.runbook import Tier
from tests.runbooks.clicks import PEOPLE, Scene

NAMES = st.sampled_from(sorted(PEOPLE))
INDEX = st.integers(0, 5)
INCIDENTS = st.sampled_from(["incident-1", "incident-2"])
SITUATION = st.sampled_from(["reroute", "rollback"])
ROLES = st.frozensets(
    st.sampled_from([Role.VIEWER, Role.RESPONDER, Role.APPROVER, Role.OWNER]), max_size=2
)
DEATHS = st.sampled_from(["", "", "", "looking", "unreadable", "before", "after"])


BETWEEN = ["", "", "edit", "role", "late", "off", "tamper", "back", "no", "old view"]


def come_between(scene: Scene, what: str, index: int, name: str) -> None:
    """One thing that happens after the clicks and before the executor."""
    if what in {"old view", "late"}:
        scene.remember()
    if what == "edit":
        scene.edit(scene.runbook_of(index))
    elif what == "role":
        scene.give(name, frozenset({Role.VIEWER}))
    elif what == "late":
        scene.wait(601)
    elif what == "off":
        scene.switch("cid", off=True)
    elif what == "tamper":
        scene.tamper(index)
    elif what == "back":
        scene.revoke("bob", index)
    elif what == "no":
        scene.say("eve", index, "reject")
        scene.say("bob", index, "reject")


class Clicks(RuleBasedStateMachine):
    """All that may happen, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="clicks-"))
        self.scene = Scene(self.folder)

    @initialize(situation=SITUATION)
    def something_breaks(self, situation: str) -> None:
        self.scene.brief(situation, "incident-1")

    @rule(
        situation=SITUATION,
        names=st.lists(NAMES, min_size=1, max_size=3),
        between=st.sampled_from(BETWEEN),
        dies=DEATHS,
    )
    def an_incident_is_handled(
        self, situation: str, names: list[str], between: str, dies: str
    ) -> None:
        """What people do most of the time, with one thing that comes between."""
        self.scene.everybody_is_back()
        index = self.scene.begin(situation)
        if index is None:
            return
        for name in names:
            self.scene.say(name, index, "approve")
        come_between(self.scene, between, index, names[0])
        self.scene.execute(dies)
        self.scene.execute_old_view()

    @rule(situation=SITUATION, incident=INCIDENTS)
    def a_brief_stands(self, situation: str, incident: str) -> None:
        self.scene.brief(situation, incident)

    @rule(name=NAMES, index=INDEX)
    def somebody_approves(self, name: str, index: int) -> None:
        self.scene.say(name, index, "approve")

    @rule(first=NAMES, second=NAMES, index=INDEX)
    def two_approve_and_it_is_carried_out(self, first: str, second: str, index: int) -> None:
        self.scene.say(first, index, "approve")
        self.scene.say(second, index, "approve")
        self.scene.execute()

    @rule(name=NAMES, index=INDEX)
    def somebody_rejects(self, name: str, index: int) -> None:
        self.scene.say(name, index, "reject")

    @rule(name=NAMES, index=INDEX)
    def somebody_takes_back(self, name: str, index: int) -> None:
        self.scene.revoke(name, index)

    @rule(name=NAMES, off=st.booleans())
    def somebody_switches(self, name: str, off: bool) -> None:
        self.scene.switch(name, off=off)

    @rule(name=NAMES, roles=ROLES)
    def roles_change(self, name: str, roles: frozenset[Role]) -> None:
        self.scene.give(name, roles)

    @rule(seconds=st.sampled_from([1, 30, 61, 300, 599, 601]))
    def time_goes_by(self, seconds: int) -> None:
        self.scene.wait(seconds)

    @rule()
    def upkeep(self) -> None:
        self.scene.upkeep()

    @rule(runbook=st.sampled_from(["payment-provider-outage", "checkout-errors-after-deploy"]))
    def a_runbook_is_edited(self, runbook: str) -> None:
        self.scene.edit(runbook)

    @rule(index=INDEX)
    def a_row_is_tampered_with(self, index: int) -> None:
        self.scene.tamper(index)

    @rule(incident=INCIDENTS)
    def an_incident_ends(self, incident: str) -> None:
        self.scene.resolve(incident)

    @rule(dies=DEATHS, sealed=st.booleans())
    def an_executor_runs(self, dies: str, sealed: bool) -> None:
        self.scene.execute(dies, sealed=sealed)

    @rule()
    def a_slow_executor_looks(self) -> None:
        self.scene.remember()

    @rule()
    def a_slow_executor_acts(self) -> None:
        self.scene.execute_old_view()

    @invariant()
    def terminal_states_never_leave(self) -> None:
        self.scene.check()

    def teardown(self) -> None:
        try:
            self.scene.close()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def test_no_action_without_its_quorum_for_exactly_that_and_never_twice() -> None:
    run_state_machine_as_test(
        Clicks,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    yield made
    made.world.close()


def two_owners_allow_it(scene: Scene) -> None:
    scene.brief("rollback", "incident-1")
    assert scene.say("bob", 0, "approve") == "partially_approved"
    assert scene.say("cid", 0, "approve") == "approved"


def test_without_a_plant_the_scene_carries_out_what_was_allowed(scene: Scene) -> None:
    two_owners_allow_it(scene)
    scene.execute()
    assert len(scene.oracle.ran) == 1
    scene.close()


@pytest.mark.parametrize("dies", ["looking", "before", "after"])
def test_an_executor_that_dies_anywhere_leaves_nothing_to_be_done_twice(
    scene: Scene, dies: str
) -> None:
    two_owners_allow_it(scene)
    scene.execute(dies)
    for _ in range(3):
        scene.execute()
        scene.wait(scene.world.settings.manual_wait_s)
    (shown,) = scene.world.service.approvals()
    assert shown.state == ("succeeded" if dies == "looking" else "unknown")
    assert len(scene.oracle.ran) == (0 if dies == "before" else 1)


# --- plants: each breaks one rule of the product, and the oracle must see what comes of it -----


def one_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quorum forgets to count: one person is taken for two."""

    def met(tier: Tier, voters: list[Voter], near: Any = ()) -> bool:
        return any(may_decide(tier, voter.roles) for voter in voters)

    monkeypatch.setattr(deciding, "quorum_met", met)
    monkeypatch.setattr(executor, "quorum_met", met)


def versions_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A transition from an old view is taken for one from the newest."""

    def blind(session: Any, row: Any, before_us: Any, changes: dict[str, Any]) -> Any:
        now = repository.get(session, row.id)
        for name, value in changes.items():
            setattr(now, name, value)
        session.add(now)
        session.flush()
        return now

    monkeypatch.setattr(repository, "_compare_and_set", blind)


def roles_are_those_of_the_vote(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lost the role since still counts."""
    monkeypatch.setattr(deciding, "today", lambda voters, _: list(voters))
    monkeypatch.setattr(executor, "today", lambda voters, _: list(voters))


def edits_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is not compared."""
    for module in (review, executor):
        monkeypatch.setattr(module, "difference", lambda *_: None)


def time_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has expired can still begin."""
    monkeypatch.setattr(repository, "EXPIRING_EVENTS", frozenset())


def the_digest_is_not_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stored action is believed."""
    monkeypatch.setattr(executor, "tampering", lambda *_: "")
    edits_are_not_seen(monkeypatch)


def by_one(scene: Scene) -> None:
    scene.brief("rollback", "incident-1")
    scene.say("cid", 0, "approve")
    scene.execute()


def by_the_author_and_who_lost_the_role(scene: Scene) -> None:
    scene.brief("rollback", "incident-1")
    scene.say("dee", 0, "approve")
    scene.say("bob", 0, "approve")
    scene.give("bob", frozenset({Role.VIEWER}))
    scene.execute()


def twice(scene: Scene) -> None:
    two_owners_allow_it(scene)
    scene.remember()
    scene.execute()
    scene.execute_old_view()


def after_an_edit(scene: Scene) -> None:
    two_owners_allow_it(scene)
    scene.edit("checkout-errors-after-deploy")
    scene.execute()


def after_its_time(scene: Scene) -> None:
    two_owners_allow_it(scene)
    scene.world.seal()
    scene.remember()
    scene.wait(601)
    scene.execute_old_view()


def after_tampering(scene: Scene) -> None:
    scene.brief("reroute", "incident-1")
    scene.say("ann", 0, "approve")
    scene.tamper(0)
    scene.execute()


@pytest.mark.parametrize(
    ("plant", "play", "caught"),
    [
        (one_is_enough, by_one, "fewer than two"),
        (roles_are_those_of_the_vote, by_the_author_and_who_lost_the_role, "fewer than two"),
        (versions_do_not_count, twice, "twice"),
        (edits_are_not_seen, after_an_edit, "edited"),
        (time_does_not_end_it, after_its_time, "after its time"),
        (the_digest_is_not_taken_again, after_tampering, "another action"),
    ],
)
def test_a_planted_bug_is_caught(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    plant: Callable[[pytest.MonkeyPatch], None],
    play: Callable[[Scene], None],
    caught: str,
) -> None:
    with monkeypatch.context() as planted:
        plant(planted)
        with pytest.raises(AssertionError, match=caught):
            play(scene)


def test_chance_alone_finds_a_planted_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the plays of chance would be too tame to mean anything."""
    one_is_enough(monkeypatch)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(
            Clicks,
            settings=settings(
                max_examples=60,
                stateful_step_count=25,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )


@pytest.mark.parametrize(
    "play",
    [by_one, by_the_author_and_who_lost_the_role, twice, after_an_edit, after_its_time],
)
def test_without_the_plant_the_same_play_is_harmless(
    scene: Scene, play: Callable[[Scene], None]
) -> None:
    play(scene)
    assert len(scene.oracle.ran) <= 1
    scene.close()
