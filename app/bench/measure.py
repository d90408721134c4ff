"""What is measured: percentiles, resident memory of processes, and the machine itself."""

from __future__ import annotations

import math
import os
import platform
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kernel.errors import Unavailable

_PROC = Path("/proc")
_MIB = 1024


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that `share` % are not above."""
    if not values:
        raise ValueError("no values, no percentile")
    rank = max(1, math.ceil(len(values) * share / 100))
    return sorted(values)[rank - 1]


def resident_mib(pid: int, *, proc: Path = _PROC) -> float:
    """Resident memory of a process. Raises Unavailable where the system has no /proc for it."""
    try:
        lines = (proc / str(pid) / "status").read_text().splitlines()
    except OSError as error:
        raise Unavailable(f"the memory of process {pid} cannot be read: {error}") from None
    for line in lines:
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / _MIB
    raise Unavailable(f"process {pid} has ended")


def child_of(pid: int, words: str, *, proc: Path = _PROC) -> int | None:
    """The process id of the child whose command line holds `words`."""
    for folder in proc.glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # it ended meanwhile
        parent = int(stat.rpartition(")")[2].split()[1])
        if parent == pid and words in command:
            return int(folder.name)
    return None


def machine() -> dict[str, Any]:
    """Where the figures were measured, and how busy it was."""
    return {
        "cpus": os.cpu_count() or 1,
        "processor": _processor(),
        "load_1m": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def _processor() -> str:
    try:
        lines = (_PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
