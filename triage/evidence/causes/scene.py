"""What is known of a failure before anybody is blamed. Times in UTC microseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Alarm:
    """What paged: the service and the words of the alert. `at_us`: when it fired, or since when it
    is known to burn; `seen_until_us`: up to when its data reach (0: a little beyond).
    """

    at_us: int
    service: str
    metric: str = ""
    text: str = ""
    seen_until_us: int = 0


@dataclass(frozen=True)
class Symptom:
    """A message whose frequency changed: `count` times since the onset, `before` times before.

    `bad`: it speaks of trouble. `first_us`: when it was first seen in trouble (0 = not known).
    """

    service: str
    text: str
    count: int
    before: int
    bad: bool = True
    first_us: int = 0


@dataclass(frozen=True)
class Series:
    """One number over time, oldest first."""

    service: str
    name: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Deployment:
    """A change reached a service at a time."""

    service: str
    at_us: int
    version: str = ""


@dataclass(frozen=True)
class Suspect:
    """A change of ours. `ref` names it (a commit, a flag); `kind`: code | flag | config.

    `diff` is "" where only the message is known. `deployed` is empty where no deployment names it:
    it may still have ridden along with a later one. `at_us`: when it was written or switched.
    """

    ref: str
    kind: str
    at_us: int
    message: str
    author: str = ""
    paths: Sequence[str] = ()
    diff: str = ""
    deployed: Sequence[Deployment] = ()


@dataclass(frozen=True)
class VendorReport:
    """A vendor's own word on its state. `told_us`: when it was published (later than the start)."""

    vendor: str
    state: str
    text: str
    from_us: int
    told_us: int


@dataclass(frozen=True)
class Scene:
    """Everything that the judgement stands on. `calls`: caller -> services that it calls."""

    alarm: Alarm
    symptoms: Sequence[Symptom] = ()
    series: Sequence[Series] = ()
    suspects: Sequence[Suspect] = ()
    deployments: Sequence[Deployment] = ()
    vendors: Sequence[VendorReport] = ()
    calls: Mapping[str, frozenset[str]] = field(default_factory=dict)
