"""From the texts of OpenSLO files to objectives, or to the full list of what is wrong with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from slo.objective import Objective
from slo.openslo.alerting import read_condition, read_policy
from slo.openslo.indicator import read_sli
from slo.openslo.metadata import read_metadata
from slo.openslo.plain_kinds import read_data_source, read_notification_target, read_service
from slo.openslo.problems import Problem, Problems, suggest
from slo.openslo.scope import API_VERSION, Scope
from slo.openslo.slo import read_slo
from slo.openslo.source import SourceObject, objects_of

KINDS = (
    "SLO",
    "SLI",
    "Service",
    "DataSource",
    "AlertPolicy",
    "AlertCondition",
    "AlertNotificationTarget",
)
_NEEDED = ("apiVersion", "kind", "metadata", "spec")


@dataclass(frozen=True)
class Reading:
    """What files hold. `objectives` are usable only where `problems` is empty.

    `uncounted` names the SLOs that are valid and measured by somebody else; `kinds` counts all
    objects by kind.
    """

    objectives: list[Objective] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)
    kinds: dict[str, int] = field(default_factory=dict)


def read_openslo(text: str, origin: str = "") -> Reading:
    """Read one file by itself: references that leave it are notes. Never raises for content.

    `origin` (a file name) begins each path: `payment.yaml#0 $.spec.service`.
    """
    return read_texts([(origin, text)], closed=False)


def read_texts(
    files: Iterable[tuple[str, str]], *, closed: bool, faults: Iterable[Problem] = ()
) -> Reading:
    """Read (name, text) of several files as one set; `closed`: it is whole, see `Scope`.

    `faults` are known already (a file that cannot be read).
    """
    problems = Problems(found=list(faults))
    objects = [one for origin, text in files for one in objects_of(text, origin, problems)]
    scope = Scope(problems, closed=closed)
    scope.add_all(objects)
    objectives: list[Objective] = []
    uncounted: list[str] = []
    seen: dict[str, SourceObject] = {}
    for one in objects:
        if not _envelope(one, problems):
            continue
        if one.kind != "SLO":
            _read_other(one, scope)
            continue
        found = read_slo(one, scope)
        if found.foreign and one.name:
            uncounted += [] if found.objectives else [one.name]
            which = "in part" if found.objectives else "valid and"
            who = f"it is measured by {found.foreign}"
            problems.note(f"{one.path}: {one.name} is {which} not counted here: {who}")
        for objective in found.objectives:
            taken = objective.id in seen
            first = seen.setdefault(objective.id, one)
            # Two SLOs of one name are told by the scope.
            if taken and (first is one or first.name != one.name):
                reason = f"the id {objective.id} stands in {first.path.removesuffix(' $')} too"
                problems.add(f"{one.path}.spec.objectives", objective.id, reason)
            objectives.append(objective)
    counts = Counter(one.kind for one in objects if one.kind in KINDS)
    return Reading(objectives, problems.found, problems.notes, uncounted, dict(counts))


def _envelope(source: SourceObject, problems: Problems) -> bool:
    """True where version and kind are ours, so that the rest can be read by their rules."""
    version, kind, path = source.value.get("apiVersion"), source.value.get("kind"), source.path
    if version != API_VERSION:
        reason = f'"{API_VERSION}" is wanted'
        if isinstance(version, str) and version.startswith("openslo"):
            reason = f'this version is not supported: "{API_VERSION}" is read'
        problems.add(f"{path}.apiVersion", version or "", reason)
    if not isinstance(kind, str) or kind not in KINDS:
        hint = suggest(kind, KINDS) if isinstance(kind, str) else f"; known here: {KINDS}"
        reason = f"an OpenSLO kind is wanted{hint}"
        problems.add(f"{path}.kind", kind or "", reason)
        return False
    if isinstance(version, str) and version != API_VERSION:
        return False
    problems.fields(source.value, path, _NEEDED, _NEEDED[2:])
    return True


def _read_other(source: SourceObject, scope: Scope) -> None:
    """Check an object that is no SLO; what points at it reads it again."""
    problems, spec, path = scope.problems, source.value.get("spec"), f"{source.path}.spec"
    read_metadata(source.value.get("metadata"), f"{source.path}.metadata", problems)
    match source.kind:
        case "SLI":
            read_sli(spec, path, scope)
        case "Service":
            read_service(spec, path, problems)
        case "DataSource":
            read_data_source(spec, path, problems)
        case "AlertPolicy":
            read_policy(spec, path, scope)
        case "AlertCondition":
            read_condition(spec, path, source.name, problems)
        case "AlertNotificationTarget":
            read_notification_target(spec, path, problems)
