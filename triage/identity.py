"""Which alert belongs to which incident (DESIGN 6). Pure.

A member is (source, fingerprint, startsAt). What is known of it only ever grows: `fired` and
`resolved` are never taken back, the end is the latest one told. So duplicates, two Alertmanagers
telling the same, and any order of arrival end in the same member.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kernel.clock import MINUTE_US

ONSET_WITHIN_US = 15 * MINUTE_US
ECHO_LABEL = "tillwatch_alert_id"
OWN_SOURCE = "tillwatch"

OPENED_IT = "opened the incident"
SAME_GROUP = "same group key"
SAME_OBJECTIVE = "same objective"
SAME_SERVICE = "same service, onset within 15 min"
MOVED = "moved by a person"
MOVED_BEFORE = "same alert as one that a person moved"


Key = tuple[str, str, int]


@dataclass(frozen=True)
class Delivery:
    """One alert as it was told once. `pages`: may open an incident of its own.

    `bad` of `total` units between onset and telling, where the alert counts units.
    """

    source: str
    fingerprint: str
    starts_us: int
    resolved: bool
    ends_us: int | None = None
    onset_us: int = 0
    group_key: str = ""
    objective_id: str = ""
    service: str = ""
    title: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    segment: Mapping[str, str] = field(default_factory=dict)
    link: str = ""
    pages: bool = True
    bad: int = 0
    total: int = 0

    @property
    def key(self) -> Key:
        """The identity of the member."""
        return self.source, self.fingerprint, self.starts_us


def key_text(key: Key) -> str:
    """The identity of a member in one word, as lists and forms carry it."""
    return f"{key[0]}:{key[1]}:{key[2]}"


def parse_key(text: str) -> Key | None:
    """The identity behind such a word; None for anything else."""
    source, _, rest = text.partition(":")
    fingerprint, _, starts = rest.rpartition(":")
    digits = starts.isascii() and starts.isdecimal() and len(starts) <= 18
    return (source, fingerprint, int(starts)) if source and fingerprint and digits else None


@dataclass(frozen=True)
class Member:
    """All that is known of one alert. `incident_id` is "" while it belongs to none."""

    told: Delivery
    fired: bool
    resolved: bool
    ends_us: int | None
    last_told_us: int
    incident_id: str = ""
    joined_by: str = ""

    @property
    def onset_us(self) -> int:
        """When the trouble began: the alert's own onset, else its start."""
        return self.told.onset_us or self.told.starts_us

    @property
    def firing(self) -> bool:
        """Told to fire and not yet told to be over."""
        return self.fired and not self.resolved

    def same_state(self, other: Member) -> bool:
        """True where only the time of the last telling differs."""
        return replace(self, last_told_us=0) == replace(other, last_told_us=0)


def is_echo(labels: Mapping[str, str]) -> bool:
    """True for our own alerts coming back through Alertmanager: never members."""
    return bool(labels.get(ECHO_LABEL))


def merge(known: Member | None, told: Delivery, now_us: int) -> Member:
    """What is known after one more telling. Commutative and idempotent but for `last_told_us`."""
    ends_us = told.ends_us if told.resolved else None
    if known is None:
        return Member(told, not told.resolved, told.resolved, ends_us, now_us)
    ends = [end for end in (known.ends_us, ends_us) if end is not None]
    # The words of the first firing telling stay: a resolved one may come with fewer annotations.
    first = told if not known.fired and not told.resolved else known.told
    return replace(
        known,
        told=first,
        fired=known.fired or not told.resolved,
        resolved=known.resolved or told.resolved,
        ends_us=max(ends, default=None),
        last_told_us=max(known.last_told_us, now_us),
    )


@dataclass(frozen=True)
class Candidate:
    """What identity must know of an incident. `over_us`: None while it is open, else when its
    last member ended.
    """

    incident_id: str
    number: int
    service: str
    group_keys: frozenset[str]
    objective_ids: frozenset[str]
    first_onset_us: int
    last_onset_us: int
    over_us: int | None = None


@dataclass(frozen=True)
class Choice:
    """The incident that a member joins, and by which rule."""

    incident_id: str
    joined_by: str


def choose(member: Member, candidates: Iterable[Candidate]) -> Choice | None:
    """The first rule that finds any incident decides; among those the oldest. None: a new one.

    An incident that is over takes only members that began before its end: they were told late.
    """
    able: Sequence[Candidate] = sorted(
        (one for one in candidates if one.over_us is None or member.told.starts_us <= one.over_us),
        key=lambda one: one.number,
    )
    told = member.told
    found = {
        SAME_GROUP: [one for one in able if told.group_key and told.group_key in one.group_keys],
        SAME_OBJECTIVE: [one for one in able if told.objective_id in one.objective_ids],
        SAME_SERVICE: [one for one in able if told.service and _near(member, one)],
    }
    for joined_by, fitting in found.items():
        if fitting:
            return Choice(fitting[0].incident_id, joined_by)
    return None


def _near(member: Member, candidate: Candidate) -> bool:
    """Same service, and the onset within 15 min of the time in which its members began.

    The whole span counts, not the newest member alone, so that the order of arrival does not
    matter.
    """
    earliest_us = candidate.first_onset_us - ONSET_WITHIN_US
    latest_us = candidate.last_onset_us + ONSET_WITHIN_US
    return member.told.service == candidate.service and earliest_us <= member.onset_us <= latest_us
