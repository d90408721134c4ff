"""What one side made of one story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.bench.detect.incidents import Incident


@dataclass(frozen=True)
class Page:
    """Opened and closed, in seconds after the story's begin; None while it is open."""

    opened_s: float
    closed_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """Times after the begin and the end of the incident; None: it never happened.

    `false`: pages without an incident, or before it.
    """

    detected_s: float | None
    reset_s: float | None
    false: int


def judged(incident: Incident, seed: int, pages: Sequence[Page]) -> Outcome:
    """What the pages say of the story."""
    begin_s = incident.starts_s(seed)
    if not incident.pages:
        return Outcome(None, None, len(pages))
    right = [one for one in pages if one.opened_s >= begin_s]
    if not right:
        return Outcome(None, None, len(pages))
    closed = [one.closed_s for one in right]
    last_s = None if None in closed else max(one for one in closed if one is not None)
    return Outcome(
        min(one.opened_s for one in right) - begin_s,
        None if last_s is None else last_s - begin_s - incident.lasts_s,
        len(pages) - len(right),
    )
