"""What speaks for and against one change of ours, given the facts. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from kernel.clock import MINUTE_US, SECOND_US
from triage.evidence.causes.belonging import is_not_run, modules_of, part_of, taken_up
from triage.evidence.causes.diff import Edit, read_diff
from triage.evidence.causes.effects import Effect, effects_of
from triage.evidence.causes.facts import Facts
from triage.evidence.causes.modes import Mode
from triage.evidence.causes.scene import Deployment, Suspect
from triage.evidence.causes.shifts import Shift
from triage.evidence.causes.words import words_of

MAX_READ_CHARS = 600_000
# Clocks of a deploy tool and of the shop, and the minutes of series, differ by this much.
CLOCK_SLACK_US = 90 * SECOND_US
_NEAR_SHIFT_US = 4 * MINUTE_US
_HALF_LIFE_US = 15 * MINUTE_US
# How much of an effect counts whose way of failing does not show: more where none shows clearly.
_HARDLY_SHOWN, _NOTHING_SHOWN, _CLEAR = 0.1, 0.45, 0.75
# What is written wrongly hurts those who read it, wherever they run.
_FAR = frozenset({Mode.WRONG, Mode.FORMAT, Mode.QUEUE})
_FAR_REACH = 0.5
_CHANGED, _PATHS, _MESSAGE = 1.0, 0.6, 0.5


class Suspicions:
    """All suspects of one scene, seen beside each other."""

    def __init__(self, facts: Facts, suspects: Sequence[Suspect]) -> None:
        self._facts = facts
        self._suspects = suspects
        self._edits = read_within(suspects, facts.onset_us)
        self._effects = {
            one.ref: [] if is_not_run(one) else effects_of(self._edits[one.ref]) for one in suspects
        }

    def effect(self, suspect: Suspect) -> tuple[Effect | None, float]:
        """The effect that best explains what shows, and how well (0-1)."""
        modes = self._facts.modes
        clear = max(modes.values(), default=0.0) >= _CLEAR
        least = _HARDLY_SHOWN if clear else _NOTHING_SHOWN
        best: tuple[Effect | None, float] = (None, 0.0)
        for effect in self._effects[suspect.ref]:
            shown = max((modes.get(mode, 0.0) for mode in effect.modes), default=0.0)
            fit = effect.harm * max(shown, least)
            if fit > best[1]:
                best = (effect, fit)
        return best

    def overlap(self, suspect: Suspect) -> float:
        """0-1: how much the change speaks of what goes wrong, rare words counting most."""
        symptom_words, many, total = self._facts.symptom_words, len(self._suspects), 0.0
        for word, weight in self._words[suspect.ref].items():
            if word in symptom_words:
                rarity = math.log((many + 1) / (self._spread[word] + 0.5))
                total += weight * symptom_words[word] * max(0.0, rarity)
        return 1 - math.exp(-total / 5)

    def reach(self, suspect: Suspect, effect: Effect | None) -> float:
        """-0.5 to 1: how near what it runs in is to what fails."""
        if not suspect.paths and not suspect.deployed:
            return 0.0
        reached = {one.service for one in self.deployments(suspect)}
        near = max((self._facts.nearness(name) for name in reached), default=0.0)
        if effect is not None and effect.modes & _FAR:
            near = max(near, _FAR_REACH)
        return near if near > 0 else -0.5

    def unexplained(self, suspect: Suspect, effect: Effect | None) -> float:
        """0-1: the part of what fails that neither runs it, nor calls or is called by what does."""
        if effect is not None and effect.modes & _FAR:
            return 0.0
        failing = self._facts.failing
        touched = self._facts.around({one.service for one in self.deployments(suspect)})
        beyond = sum(weight for service, weight in failing.items() if service not in touched)
        return beyond / sum(failing.values()) if touched else 0.0

    def rode_along(self, suspect: Suspect) -> bool:
        """Whether no deployment names it, nor a later change that takes it up."""
        return suspect.kind == "code" and not suspect.deployed and not self._carriers(suspect)

    def took_effect_us(self, suspect: Suspect) -> int | None:
        """The first time it ran anywhere; None where that was not before the onset."""
        latest = self._facts.onset_us + CLOCK_SLACK_US
        if suspect.kind != "code" and not suspect.deployed:
            return suspect.at_us if suspect.at_us <= latest else None
        times = [one.at_us for one in self.deployments(suspect) if one.at_us <= latest]
        return min(times, default=None)

    def freshness(self, at_us: int) -> float:
        """0-1: how shortly before the first sign it took effect."""
        before_us = max(0, self._facts.first_sign_us - at_us)
        return float(0.5 ** (before_us / _HALF_LIFE_US))

    def step(self, at_us: int) -> Shift | None:
        """The series that began to move just when it took effect."""
        near = [
            one
            for one in self._facts.shifts
            if -CLOCK_SLACK_US <= one.at_us - at_us <= _NEAR_SHIFT_US
        ]
        return min(near, key=lambda one: abs(one.at_us - at_us), default=None)

    def same_values(self, suspect: Suspect) -> Shift | None:
        """A series that stood at a setting's old value and stands at the new one."""
        for effect in self._effects[suspect.ref]:
            if effect.old is None or effect.new is None or effect.old == effect.new:
                continue
            for shift in self._facts.shifts:
                if _close(shift.before, effect.old) and _close(shift.after, effect.new):
                    return shift
        return None

    def deployments(self, suspect: Suspect) -> list[Deployment]:
        """Its own; else those of what takes it up; else later ones of what it is part of."""
        if suspect.deployed:
            return list(suspect.deployed)
        if carried := self._carriers(suspect):
            return carried
        later = [one for one in self._facts.scene.deployments if one.at_us >= suspect.at_us]
        return [one for one in later if part_of(suspect.paths, one.service)]

    def _carriers(self, suspect: Suspect) -> list[Deployment]:
        """Deployments of later changes that take up a new version of what it is part of."""
        modules = modules_of(suspect.paths)
        return [
            run
            for other in self._suspects
            if other.deployed and other.at_us >= suspect.at_us and other.ref != suspect.ref
            for run in other.deployed
            if modules & self._taken_up[other.ref]
        ]

    @cached_property
    def _taken_up(self) -> dict[str, set[str]]:
        return {one.ref: taken_up(self._edits[one.ref]) for one in self._suspects}

    @cached_property
    def _words(self) -> dict[str, dict[str, float]]:
        """Per suspect its words, each with the weight of where it stands."""
        found = {}
        for one in self._suspects:
            edit = self._edits[one.ref]
            changed = f"{edit.old_text}\n{edit.new_text}"
            weighed = dict.fromkeys(words_of(one.message), _MESSAGE)
            weighed |= dict.fromkeys(words_of(" ".join(one.paths)), _PATHS)
            found[one.ref] = weighed | dict.fromkeys(words_of(changed), _CHANGED)
        return found

    @cached_property
    def _spread(self) -> Counter[str]:
        return Counter(word for words in self._words.values() for word in words)


def read_within(suspects: Sequence[Suspect], onset_us: int) -> dict[str, Edit]:
    """The diffs of all suspects, read from the newest before the onset backwards while there is
    room: what many huge diffs cost is bounded, and the nearest ones are read.
    """
    room = MAX_READ_CHARS
    found: dict[str, Edit] = {}
    for one in sorted(suspects, key=lambda one: (one.at_us > onset_us, -one.at_us)):
        found[one.ref] = read_diff(one.diff if len(one.diff) <= room else "")
        room -= min(room, len(one.diff))
    return found


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=0.02, abs_tol=1e-9)
