"""Both sides beside each other: time to detect and to reset, false pages, by seed."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from app.bench.detect.incidents import INCIDENTS, Incident
from app.bench.detect.ours import OurShop
from app.bench.detect.outcome import Outcome, judged
from app.bench.detect.peer import PeerRun, peer_is_installed
from app.bench.measure import machine
from kernel.clock import Clock


class DetectRun:
    """All incidents of all seeds. Without Prometheus and Alertmanager only ours is played."""

    def __init__(self, clock: Clock, say: Callable[[str], None], speed: int) -> None:
        self._clock = clock
        self._say = say
        self._speed = speed

    def run(
        self, seeds: Sequence[int], incidents: Sequence[Incident] = INCIDENTS
    ) -> dict[str, Any]:
        """The document: one row an incident, and what each seed made of it."""
        where = machine()
        theirs = {}
        if peer_is_installed():
            with tempfile.TemporaryDirectory(prefix="tillwatch-bench-") as folder:
                peer = PeerRun(Path(folder), self._clock, self._say, self._speed)
                theirs = peer.run(seeds, incidents)
        rows = []
        for incident in incidents:
            outcomes = [(self._ours(incident, seed), seed) for seed in seeds]
            mine = [one for one, _ in outcomes]
            other = [
                judged(incident, seed, theirs[incident.name, seed])
                for seed in seeds
                if (incident.name, seed) in theirs
            ]
            rows.append(row(incident, mine, other))
            self._say(f"{incident.name}: ours {rows[-1]['ours']}, peer {rows[-1]['peer']}")
        return {
            "rows": rows,
            "seeds": list(seeds),
            "peer": "Prometheus and Alertmanager with Sloth's rules" if theirs else None,
            "peer_time_divided_by": self._speed,
            "machine": where,
        }

    def _ours(self, incident: Incident, seed: int) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="tillwatch-bench-") as folder:
            return judged(incident, seed, OurShop(Path(folder)).pages(incident, seed))


def row(incident: Incident, ours: Sequence[Outcome], peer: Sequence[Outcome]) -> dict[str, Any]:
    """Median seconds to the page, or the number of false pages where nobody should be paged.

    `ours` and `peer` are None where most seeds were never paged; `ratio` = ours / peer.
    """
    if incident.pages:
        mine, other = _median(ours), _median(peer)
    else:
        mine = float(sum(one.false for one in ours))
        other = float(sum(one.false for one in peer)) if peer else None
    compared = incident.pages and mine is not None and other is not None and other > 0
    return {
        "case": incident.name,
        "ours": _rounded(mine),
        "peer": _rounded(other),
        "ratio": round((mine or 0) / (other or 1), 2) if compared else None,
        "unit": "s to page" if incident.pages else "false pages",
        "ours_by_seed": [_said(one) for one in ours],
        "peer_by_seed": [_said(one) for one in peer],
    }


def _median(outcomes: Sequence[Outcome]) -> float | None:
    """The median with "never" as the longest time."""
    times = sorted(float("inf") if one.detected_s is None else one.detected_s for one in outcomes)
    found = statistics.median_high(times) if times else float("inf")
    return None if found == float("inf") else found


def _said(one: Outcome) -> dict[str, Any]:
    return {
        "detected_s": _rounded(one.detected_s),
        "reset_s": _rounded(one.reset_s),
        "false": one.false,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
