"""What follows from a scene alone, worked out once: when, where and how it fails. Pure."""

from __future__ import annotations

from functools import cached_property

from kernel.clock import MINUTE_US
from triage.evidence.causes.modes import Mode, grown, modes_of
from triage.evidence.causes.outside import Reading, readings
from triage.evidence.causes.places import failing, is_worse, named_in_messages
from triage.evidence.causes.scene import Scene, Symptom
from triage.evidence.causes.shifts import Shift, shift_of
from triage.evidence.causes.words import words_of

# Series are read a little beyond the alarm: what had just begun then shows by then.
_AFTER_ALARM_US = 10 * MINUTE_US
_FEW = 3
_STEPS = 6


class Facts:
    """Of one scene."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    @cached_property
    def shifts(self) -> tuple[Shift, ...]:
        """Series that left their usual range."""
        alarm = self.scene.alarm
        until_us = alarm.seen_until_us or alarm.at_us + _AFTER_ALARM_US
        found = (shift_of(series, until_us) for series in self.scene.series)
        return tuple(shift for shift in found if shift is not None)

    @cached_property
    def bad(self) -> list[Symptom]:
        """Bad messages that became more."""
        return [one for one in self.scene.symptoms if one.bad and grown(one) > 0]

    @cached_property
    def onset_us(self) -> int:
        """When what the alarm speaks of began: its own series, else the loudest bad message."""
        alarm = self.scene.alarm
        own = [
            one.at_us
            for one in self.shifts
            if one.series.service == alarm.service and one.series.name == alarm.metric
        ]
        loud = sorted((one for one in self.bad if one.first_us), key=grown, reverse=True)
        return min([*(own or [one.first_us for one in loud[:1]]), alarm.at_us])

    @cached_property
    def first_sign_us(self) -> int:
        """When anything that tells of trouble first left its usual range; at most the onset."""
        times = [one.first_us for one in self.bad if one.first_us and one.count >= _FEW]
        times += [one.at_us for one in self.shifts if is_worse(one)]
        return min([*times, self.onset_us])

    @cached_property
    def failing(self) -> dict[str, float]:
        """How much each service fails (0-1)."""
        return failing(self.scene, self.shifts, self.bad)

    @cached_property
    def modes(self) -> dict[Mode, float]:
        """How strongly each way of failing shows (0-1)."""
        return modes_of(self.scene, [(one.series.name, one.weight) for one in self.shifts])

    @cached_property
    def readings(self) -> list[Reading]:
        """Causes outside of our changes that show."""
        return readings(self.scene, self.shifts, self.onset_us)

    @cached_property
    def calls(self) -> dict[str, frozenset[str]]:
        """Who calls whom: by traces, and by bad messages that name another service."""
        found = {name: set(called) for name, called in self.scene.calls.items()}
        for caller, called in named_in_messages(self.scene, self.bad):
            found.setdefault(caller, set()).add(called)
        return {name: frozenset(called) for name, called in found.items()}

    def nearness(self, service: str) -> float:
        """0-1: how much it fails itself, calls what fails, or is called by what fails."""
        own = self.failing.get(service, 0.0)
        beyond = (self.failing.get(one, 0.0) for one in self.calls.get(service, ()))
        callers = (name for name, called in self.calls.items() if service in called)
        above = (self.failing.get(one, 0.0) for one in callers)
        return max(own, 0.8 * max(beyond, default=0.0), 0.6 * max(above, default=0.0))

    def around(self, services: set[str]) -> set[str]:
        """These services, all that call them over any steps, and what they call themselves."""
        found = set(services)
        for _ in range(_STEPS):
            callers = {name for name, called in self.calls.items() if called & found}
            if callers <= found:
                break
            found |= callers
        return found | {one for name in services for one in self.calls.get(name, ())}

    @cached_property
    def symptom_words(self) -> dict[str, float]:
        """Words of what goes wrong with their weight (0-1); names of services carry nothing."""
        alarm = self.scene.alarm
        loudest = max((grown(one) for one in self.bad), default=1)
        spoken = [(f"{alarm.metric} {alarm.text}", 0.7)]
        spoken += [(one.text, 0.5 + 0.5 * (grown(one) / loudest) ** 0.5) for one in self.bad]
        spoken += [(one.series.name, 0.4 + 0.4 * one.weight) for one in self.shifts]
        found: dict[str, float] = {}
        for text, weight in spoken:
            for word in words_of(text) - self._service_words:
                found[word] = max(found.get(word, 0.0), weight)
        return found

    @cached_property
    def _service_words(self) -> set[str]:
        names = {one.service for one in self.scene.series}
        names |= {one.service for one in self.scene.symptoms}
        names |= {one.service for one in self.scene.deployments} | {self.scene.alarm.service}
        return {word for name in names for word in words_of(name.removesuffix("service"))}
