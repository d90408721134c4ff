"""Ranks the changes that can have caused the failure against causes outside of them. Pure.

A change is likely the more its diff can bring about the way of failing that shows, the more its
words are those of the symptoms, the nearer it is to what fails, and if it took effect before the
onset. The weights are log odds; what each stands for is said beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from triage.evidence.causes.belonging import is_not_run
from triage.evidence.causes.facts import Facts
from triage.evidence.causes.modes import grown
from triage.evidence.causes.outside import Outside
from triage.evidence.causes.scene import Scene, Suspect, Symptom
from triage.evidence.causes.shifts import Shift
from triage.evidence.causes.suspicion import CLOCK_SLACK_US, Suspicions
from triage.evidence.evidence import Verdict

MAX_SUSPECTS = 300
MAX_CANDIDATES = 2
MAX_SYMPTOMS = 5

_BASE = -4.0
_EFFECT = 5.0  # its diff can bring about what shows
_WORDS = 1.6  # it speaks of the same things
_REACH = 1.6  # it runs in or near what fails
_FRESH = 0.8  # it took effect shortly before the first sign
_STEP = 0.9  # something began to move when it took effect
_SAME_VALUES = 2.5  # a series moved from its old value to its new one
_NOT_BEFORE = -3.5  # it cannot have taken effect before the onset
_LATE = -1.5  # something had begun to move before it took effect
_RODE_ALONG = -0.5  # no deployment names it
_UNEXPLAINED = -1.4  # services fail that it does not touch
_SWITCH = -0.6  # a switch, of which nothing but its name is known
_NOT_RUN = -2.5  # words, tests, looks, tools, or another environment
# How many times the odds of the second the first must have to be blamed alone.
_ALONE_ODDS = 2.5
_LEAST = 0.3


@dataclass(frozen=True)
class Candidate:
    """A cause with its likelihood (0-1, not a share of a whole) and what speaks for it.

    `ref` is the change's, or "" for a cause outside of our changes (`outside` then says which).
    """

    ref: str
    likelihood: float
    why: tuple[str, ...]
    outside: Outside | None = None

    @property
    def odds(self) -> float:
        """Likelihood as odds."""
        return self.likelihood / max(1e-6, 1 - self.likelihood)


@dataclass(frozen=True)
class Judgement:
    """`blamed`: the one cause that stands apart, None where two are close or nothing is likely.

    `candidates`: the likeliest two, likeliest first; a second is told although another is blamed.
    """

    verdict: Verdict
    blamed: Candidate | None
    candidates: tuple[Candidate, ...]
    onset_us: int
    shifts: tuple[Shift, ...]
    symptoms: tuple[Symptom, ...]
    facts: Facts


def judge(scene: Scene) -> Judgement:
    """The likeliest cause, two where they are close, none where nothing speaks for any."""
    facts = Facts(scene)
    ranked = sorted(candidates(facts), key=lambda one: (-one.likelihood, one.ref))
    shortlist = tuple(one for one in ranked if one.likelihood >= _LEAST)[:MAX_CANDIDATES]
    blamed = _apart(shortlist)
    loudest = sorted(facts.bad, key=grown, reverse=True)[:MAX_SYMPTOMS]
    return Judgement(
        verdict=_verdict((blamed,) if blamed else shortlist),
        blamed=blamed,
        candidates=shortlist,
        onset_us=facts.onset_us,
        shifts=facts.shifts,
        symptoms=tuple(loudest),
        facts=facts,
    )


def candidates(facts: Facts) -> list[Candidate]:
    """Every change of ours, and the strongest cause outside of them."""
    suspects = facts.scene.suspects[:MAX_SUSPECTS]
    beside = Suspicions(facts, suspects)
    found = [_candidate(one, facts, beside) for one in suspects]
    found += [
        Candidate("", reading.strength, (reading.why,), reading.kind)
        for reading in facts.readings[:1]
    ]
    return found


def _candidate(suspect: Suspect, facts: Facts, beside: Suspicions) -> Candidate:
    effect, fit = beside.effect(suspect)
    logit = _BASE + _EFFECT * fit + _WORDS * beside.overlap(suspect)
    logit += _REACH * beside.reach(suspect, effect)
    logit += _UNEXPLAINED * beside.unexplained(suspect, effect)
    logit += _NOT_RUN * is_not_run(suspect) + _RODE_ALONG * beside.rode_along(suspect)
    logit += _SWITCH * (suspect.kind == "flag")
    reasons = [effect.text] if effect is not None else []
    in_time, when = _in_time(suspect, facts, beside)
    logit += in_time
    reasons += when
    if (same := beside.same_values(suspect)) is not None:
        logit += _SAME_VALUES
        reasons.append(f"{same.series.name} moved from the old value to the new one")
    return Candidate(suspect.ref, 1 / (1 + math.exp(-logit)), tuple(reasons))


def _in_time(suspect: Suspect, facts: Facts, beside: Suspicions) -> tuple[float, list[str]]:
    """Log odds for the time at which it took effect, and the words for it."""
    at_us = beside.took_effect_us(suspect)
    if at_us is None:
        return _NOT_BEFORE, ["it did not run before the onset"]
    fresh = _FRESH * beside.freshness(at_us)
    if at_us > facts.first_sign_us + CLOCK_SLACK_US:
        return fresh + _LATE, ["something had begun to move before it ran"]
    if (step := beside.step(at_us)) is None:
        return fresh, []
    told = f"{step.series.name} of {step.series.service} moved when it took effect"
    return fresh + _STEP, [told]


def _apart(shortlist: Sequence[Candidate]) -> Candidate | None:
    """The first, where nothing comes close to it."""
    if not shortlist:
        return None
    if len(shortlist) > 1 and shortlist[0].odds < _ALONE_ODDS * shortlist[1].odds:
        return None
    return shortlist[0]


def _verdict(named: Sequence[Candidate]) -> Verdict:
    """Ours or not ours where all that are named agree in it."""
    kinds = {one.outside is None for one in named}
    if len(kinds) != 1:
        return Verdict.CANNOT_TELL
    return Verdict.CHANGE_OF_OURS if kinds.pop() else Verdict.NOT_A_CHANGE_OF_OURS
