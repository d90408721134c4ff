"""How much each service fails by its own numbers and words, and by what others say of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from triage.evidence.causes.modes import grown
from triage.evidence.causes.scene import Scene, Symptom
from triage.evidence.causes.shifts import Shift

_WORSE_UP = re.compile(
    r"duration|latency|_p\d\d|\bp\d\d|error|fail|5xx|4xx|\b5\d\d|4\d\d|reject|unbalanc|lag\b|_lag|queue|"
    r"depth|backlog|pending|in_?flight|wait|time_?out|restart|oom|cpu|memory|heap|gc_|goroutine|"
    r"thread|evict|age|discard|drop|cancel|lock|retr|outbound|rows_|saturat|used|denied|stale|"
    r"difference|duplicate|skipped|without|missing|throttl|exceptions|crash|panic",
    re.IGNORECASE,
)
_WORSE_DOWN = re.compile(r"success|hit|availab|ready|conversion|healthy|coverage", re.IGNORECASE)
_STEM = re.compile(
    r"^(?:svc|service|app)[-_.]|[-_.]?(?:service|svc|api|worker|app)$", re.IGNORECASE
)
# Somebody who fails himself is nearer than one whose own calls fail too.
_NOT_DEEPEST = 0.75


def is_worse(shift: Shift) -> bool:
    """Whether the series moved to the side on which its name says trouble lies."""
    up = shift.peak >= shift.before
    return bool((_WORSE_UP if up else _WORSE_DOWN).search(shift.series.name))


def stem(service: str) -> str:
    """The name that people use for a service: without `svc-`, `-service`, `-api`."""
    bare = _STEM.sub("", _STEM.sub("", service.lower()))
    return bare or service.lower()


def failing(scene: Scene, shifts: Sequence[Shift], bad: Sequence[Symptom]) -> dict[str, float]:
    """How much each service fails (0-1). The alarm's fails; it may still be a victim.

    Weight comes from its own numbers, from its own bad messages, and most from being named in the
    bad messages of others. One whose callees fail too is taken for a victim of them in part.
    """
    found: dict[str, float] = {scene.alarm.service: 0.8}

    def see(service: str, weight: float) -> None:
        found[service] = max(found.get(service, 0.0), weight)

    for shift in shifts:
        if is_worse(shift):
            see(shift.series.service, 0.45 + 0.45 * shift.weight)
    services = services_of(scene)
    loudest = max((grown(one) for one in bad), default=1)
    for one in bad:
        share = (grown(one) / loudest) ** 0.5
        see(one.service, 0.4 + 0.45 * share)
        for named in _named(one, services):
            see(named, 0.5 + 0.45 * share)
    return {
        service: weight * (_NOT_DEEPEST if _callee_fails(service, found, scene.calls) else 1.0)
        for service, weight in found.items()
    }


def named_in_messages(scene: Scene, bad: Sequence[Symptom]) -> list[tuple[str, str]]:
    """(who says it, whom it names), for bad messages that name another service."""
    services = services_of(scene)
    return [(one.service, named) for one in bad for named in _named(one, services)]


def _callee_fails(
    service: str, found: Mapping[str, float], calls: Mapping[str, frozenset[str]]
) -> bool:
    return any(found.get(one, 0.0) >= 0.6 for one in calls.get(service, ()) if one != service)


def services_of(scene: Scene) -> set[str]:
    """Every service that anything names."""
    names = {one.service for one in scene.series} | {one.service for one in scene.symptoms}
    names |= {one.service for one in scene.deployments} | set(scene.calls)
    return {name for name in names if name}


def _named(symptom: Symptom, services: Iterable[str]) -> list[str]:
    """Other services that the message names, whole or by their stem."""
    text = symptom.text.lower()
    return [
        name
        for name in services
        if name != symptom.service
        and len(stem(name)) > 3
        and re.search(rf"(?<![\w-]){re.escape(stem(name))}(?![a-z])", text)
    ]
