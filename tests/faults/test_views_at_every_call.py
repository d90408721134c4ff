"""Ledger and telemetry store, failed at any system call, end where an undisturbed run ends."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.projecting import make_base
from tests.faults.stracing import Fault, count_calls, faults, run_with
from tests.journeys.running import PROJECT, clean_environment

pytestmark = pytest.mark.real
SEED = 20261120
FILES = {
    "ledger": ("ledger.db",),
    "telemetry": ("telemetry/meta.db", "telemetry/2026-11-18.db"),
}


class View:
    """One view, what an undisturbed run makes of it, and disturbed runs on copies."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._base, self._work = folder / "base", folder / "work"
        self._base.mkdir()
        make_base(self._base)
        self._fresh()
        paths = [self._work / file for file in FILES[name]]
        ends = ("", "-wal", "-shm", "-journal")
        self._files = paths
        self._paths = [Path(f"{path}{end}") for path in paths for end in ends]
        self.counts = count_calls(self._program(), self._paths, folder / "calls")
        self.expected = self._rows()
        assert len(self.expected) > 20

    def broken_by(self, fault: Fault, planted: str = "") -> list[str]:
        """What is wrong after this fault and a restart.

        A lock that cannot be let go (no local disk fails at that) may need the restart; all else
        has to be got over by trying again.
        """
        self._fresh()
        done = run_with(fault, self._program(planted), self._paths)
        if fault.kind != "KILL" and fault.call != "fcntl" and done.returncode != 0:
            return [f"{fault}: it did not get over it: {done.stderr[-400:]}"]
        again = subprocess.run(
            [sys.executable, *self._program()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            cwd=PROJECT,
            env=clean_environment({}),
        )
        if again.returncode:
            return [f"{fault}: it does not start again: {again.stderr[-400:]}"]
        return [] if self._rows() == self.expected else [f"{fault}: other rows"]

    def _program(self, planted: str = "") -> list[str]:
        words = ["-m", "tests.faults.projecting", str(self._work), self._name]
        return [*words, *([planted] if planted else [])]

    def _fresh(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._base, self._work)

    def _rows(self) -> list[str]:
        found = []
        for path in self._files:
            db = sqlite3.connect(path)
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'"):
                rows = db.execute(f"SELECT * FROM {table}").fetchall()
                found += [f"{table}: {row}" for row in rows]
            db.close()
        return sorted(found)


@pytest.fixture(scope="module", params=sorted(FILES))
def view(request, tmp_path_factory) -> View:
    return View(request.param, tmp_path_factory.mktemp(request.param))


def broken(view: View, chosen: Sequence[Fault], planted: str = "") -> list[str]:
    return [one for fault in chosen for one in view.broken_by(fault, planted)]


def test_a_view_survives_a_fault_at_any_call(view):
    assert broken(view, random.Random(SEED).sample(faults(view.counts), 6)) == []


def test_a_cursor_that_runs_ahead_is_found_out(tmp_path):
    ledger = View("ledger", tmp_path)
    writes = ledger.counts["pwrite64"]
    kills = [Fault("pwrite64", at, "KILL") for at in range(writes // 2, writes, writes // 8)]
    assert broken(ledger, kills, "ahead")


@pytest.mark.faults
@pytest.mark.timeout(6_000)
def test_a_view_survives_every_fault_at_every_call(view, say):
    chosen = faults(view.counts)
    found = broken(view, chosen)
    say(f"strace, {view._name}: {len(chosen)} faults at {dict(view.counts)}: {len(found)} broken")
    assert found == []
