"""Faults at system calls: counting what a program does to its files, and failing one call of them.

strace changes the outcome of the n-th call of a name among those that touch the given paths: a
signal before it, or an error instead of it. `-e trace=none` would inject nothing and let everything
pass, and `--seccomp-bpf` drops signals; so each harness on this also has a planted bug to find.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.journeys.running import PROJECT, clean_environment
from tests.shared_data import missing

CALLS = (
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "ftruncate",
    "unlink",
    "openat",
    "close",
    "fcntl",
    "pread64",
)
KINDS = {"KILL": "signal=KILL", "EIO": "error=EIO", "ENOSPC": "error=ENOSPC"}
_LINE = re.compile(r"^(?:\d+ +)?([a-z0-9_]+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """The `number`-th call of this name: killed before it, or answered with an error."""

    call: str
    number: int
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} at {self.call} {self.number}"


def count_calls(program: Sequence[str], paths: Iterable[Path], log: Path) -> Counter[str]:
    """How often each call touches the paths in a run without faults."""
    done = _run(program, paths, log=log)
    assert done.returncode == 0, done.stderr
    return Counter(_LINE.findall(log.read_text()))


def faults(counts: Counter[str]) -> list[Fault]:
    """Every kind of fault at every occurrence of every call."""
    return [
        Fault(call, number + 1, kind)
        for call, count in sorted(counts.items())
        for number in range(count)
        for kind in KINDS
    ]


def run_with(
    fault: Fault, program: Sequence[str], paths: Iterable[Path]
) -> subprocess.CompletedProcess[str]:
    """Run with this one fault."""
    inject = f"inject={fault.call}:{KINDS[fault.kind]}:when={fault.number}"
    return _run(program, paths, "-e", inject)


def _run(
    program: Sequence[str], paths: Iterable[Path], *inject: str, log: Path = Path("/dev/null")
) -> subprocess.CompletedProcess[str]:
    if shutil.which("strace") is None:
        missing("strace is not on this machine")
    watched = [word for path in paths for word in ("-P", str(path))]
    command = ["strace", "-f", "-qq", "-o", str(log), "-e", f"trace={','.join(CALLS)}", *watched]
    return subprocess.run(
        [*command, *inject, sys.executable, *program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=PROJECT,
        env=clean_environment({}),
    )
