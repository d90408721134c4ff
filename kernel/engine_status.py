"""The engine's sign of life, read by the door: a small file, replaced as a whole every second.

It is a hint for pages and metrics, never truth: losing it loses nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

_FILE = "engine.json"


@dataclass(frozen=True)
class EngineStatus:
    """`at_us`: when it was written; `times`: part -> last success; `metrics`: exposition text.

    `failing`: part -> error. `not_judged`: objective -> why the engine cannot judge it.
    """

    at_us: int
    pid: int
    times: Mapping[str, int] = field(default_factory=dict)
    failing: Mapping[str, str] = field(default_factory=dict)
    metrics: str = ""
    not_judged: Mapping[str, str] = field(default_factory=dict)

    def age_s(self, now_us: int) -> float:
        """Seconds since the engine said anything."""
        return max(0, now_us - self.at_us) / 1_000_000


def write_status(data_dir: Path, status: EngineStatus) -> None:
    """Replace the file as a whole. OSError where the disk refuses."""
    new = data_dir / f"{_FILE}.new"
    new.write_text(json.dumps(asdict(status)))
    new.replace(data_dir / _FILE)


def read_status(data_dir: Path) -> EngineStatus | None:
    """The newest sign of life, or None where there was none yet."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        return EngineStatus(**json.loads((data_dir / _FILE).read_text()))
    return None


def own_status(
    at_us: int,
    times: Mapping[str, int],
    failing: Mapping[str, str],
    metrics: str,
    not_judged: Mapping[str, str] | None = None,
) -> EngineStatus:
    """The status of this process."""
    faults = dict(not_judged or {})
    return EngineStatus(at_us, os.getpid(), dict(times), dict(failing), metrics, faults)
