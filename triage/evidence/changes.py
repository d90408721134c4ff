"""Changes near the onset, in the order in which they can be the cause, and the verdict on them.

A cause comes before its effect and is near it: in time, and in what it touches. A deploy that
merely happened shortly before is shown, and not blamed when the failure follows another boundary
(a provider, a region) and the traffic beyond it is healthy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernel.clock import MINUTE_US, SECOND_US
from kernel.telemetry_store.port import ChangeRow
from triage.evidence.causes.assemble import DIFF, FILES
from triage.evidence.evidence import Verdict

NEAR_US = 30 * MINUTE_US
# Clocks of a deploy tool and of the shop may differ by this much.
CLOCK_SLACK_US = 5 * SECOND_US
_EXTERNAL = ("provider", "region", "country", "method", "currency")
_HALF_LIFE_US = 10 * MINUTE_US


class Relation(StrEnum):
    """How near a change is to what fails, nearest first."""

    NAMES_THE_CAUSE = "names what fails"
    SAME_SERVICE = "same service"
    DEPENDENCY = "dependency"
    UNRELATED = "unrelated"


_WEIGHT = {
    Relation.NAMES_THE_CAUSE: 1.0,
    Relation.SAME_SERVICE: 0.6,
    Relation.DEPENDENCY: 0.4,
    Relation.UNRELATED: 0.05,
}


@dataclass(frozen=True)
class Scene:
    """What is known of the failure. `blamed`: field -> value of the narrowest explanation.

    `sharp`: the onset is a change point in the data, not merely the time of an alert.
    """

    onset_us: int
    service: str
    blamed: Mapping[str, str]
    dependencies: frozenset[str] = frozenset()
    sharp: bool = False


@dataclass(frozen=True)
class RankedChange:
    """`before_s`: seconds from the change to the onset (negative: it came after)."""

    change: ChangeRow
    before_s: float
    relation: Relation
    score: float
    blamed: bool
    why: str


@dataclass(frozen=True)
class ChangeReport:
    """All changes near the onset, likeliest first."""

    ranked: tuple[RankedChange, ...]
    verdict: Verdict
    why: str


def rank_changes(changes: Sequence[ChangeRow], scene: Scene) -> ChangeReport:
    """Rank the changes and say whether one of ours explains the failure."""
    ranked = sorted(
        (_rank(change, scene) for change in changes if _is_near(change, scene)),
        key=lambda one: (-one.score, abs(one.before_s), one.change.position, one.change.item),
    )
    verdict, why = _verdict(ranked, scene)
    if verdict is Verdict.CHANGE_OF_OURS and ranked and _can_be_cause(ranked[0]):
        first = ranked[0]
        ranked[0] = RankedChange(
            first.change, first.before_s, first.relation, first.score, blamed=True, why=first.why
        )
    return ChangeReport(tuple(ranked), verdict, why)


def _is_near(change: ChangeRow, scene: Scene) -> bool:
    return scene.onset_us - NEAR_US <= change.at_us <= scene.onset_us + NEAR_US


def _rank(change: ChangeRow, scene: Scene) -> RankedChange:
    before_us = scene.onset_us - change.at_us
    relation = _relation(change, scene)
    if before_us < -CLOCK_SLACK_US:
        score, why = 0.0, "it came after the onset"
    else:
        score = _WEIGHT[relation] * 0.5 ** (max(0, before_us) / _HALF_LIFE_US)
        why = _reason(relation, change, scene)
    return RankedChange(change, before_us / SECOND_US, relation, score, blamed=False, why=why)


def _relation(change: ChangeRow, scene: Scene) -> Relation:
    if _names(change, scene):
        return Relation.NAMES_THE_CAUSE
    if change.service == scene.service:
        return Relation.SAME_SERVICE
    if change.service in scene.dependencies:
        return Relation.DEPENDENCY
    return Relation.UNRELATED


def _names(change: ChangeRow, scene: Scene) -> bool:
    """True where the change speaks of the blamed values: as a release, in its words or attributes.

    A change of something far off must name all of them, and a far deploy never counts: being rolled
    out to a region is not a change of that region's payments.
    """
    close = change.service in {scene.service, *scene.dependencies} or not change.service
    if (release := scene.blamed.get("release")) and release == change.version:
        return close
    own = [str(v) for name, v in change.attributes.items() if name not in {DIFF, FILES}]
    words = f"{change.summary} {' '.join(own)}".casefold()
    values = [
        value.casefold()
        for name, value in scene.blamed.items()
        if name != "release" and len(value) > 3
    ]
    named = [value in words for value in values]
    if close:
        return any(named)
    return change.kind != "deploy" and bool(named) and all(named)


def _reason(relation: Relation, change: ChangeRow, scene: Scene) -> str:
    match relation:
        case Relation.NAMES_THE_CAUSE:
            return "it names what fails"
        case Relation.SAME_SERVICE:
            return f"it changed {change.service}, which fails"
        case Relation.DEPENDENCY:
            return f"{change.service} is called by {scene.service or 'what fails'}"
    return f"nothing that fails runs through {change.service or 'it'}"


def _can_be_cause(one: RankedChange) -> bool:
    return one.score > 0 and one.relation is not Relation.UNRELATED


def _verdict(ranked: Sequence[RankedChange], scene: Scene) -> tuple[Verdict, str]:
    possible = [one for one in ranked if _can_be_cause(one)]
    if "release" in scene.blamed:
        return Verdict.CHANGE_OF_OURS, "the failures follow a release of ours"
    if any(one.relation is Relation.NAMES_THE_CAUSE for one in possible):
        return Verdict.CHANGE_OF_OURS, "a change that names what fails came just before"
    outside = " and ".join(name for name in _EXTERNAL if name in scene.blamed)
    if outside and not possible:
        why = f"the failures follow the {outside}, and no change of ours that touches what fails"
        return Verdict.NOT_A_CHANGE_OF_OURS, f"{why} came before the onset"
    if outside:
        why = "a change of what fails came before the onset, but the failures follow the"
        return Verdict.CANNOT_TELL, f"{why} {outside}"
    same = [one for one in possible if one.relation is Relation.SAME_SERVICE]
    if same and scene.sharp and not scene.blamed:
        return Verdict.CHANGE_OF_OURS, "the failing service was changed just before a sharp onset"
    return Verdict.CANNOT_TELL, "nothing separates what fails from what does not"
