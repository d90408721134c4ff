"""A journal killed or failed at any system call of an append keeps what it acknowledged."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.accounting import violations
from tests.faults.appending import make_base
from tests.faults.stracing import Fault, count_calls, faults, run_with

pytestmark = pytest.mark.real
SEED = 20261120
PROGRAM = "tests.faults.appending"


class Bench:
    """A base journal, and runs of the program on copies of it."""

    def __init__(self, folder: Path) -> None:
        self._base = folder / "base"
        self._work = folder / "work"
        self._base.mkdir()
        make_base(self._base)
        files = [self._work / f"journal.db{end}" for end in ("", "-wal", "-shm", "-journal")]
        self._paths = [self._work, *files]
        self._fresh()
        self.counts = count_calls(["-m", PROGRAM, str(self._work)], self._paths, folder / "calls")

    def broken_by(self, fault: Fault, planted: str = "") -> list[str]:
        """The laws that this fault breaks."""
        self._fresh()
        program = ["-m", PROGRAM, str(self._work), *([planted] if planted else [])]
        done = run_with(fault, program, self._paths)
        if fault.kind != "KILL" and done.returncode != 0:
            return [f"{fault}: the writer did not get over it: {done.stderr[-400:]}"]
        return [f"{fault}: {one}" for one in violations(self._work, done.stdout)]

    def _fresh(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)
        shutil.copytree(self._base, self._work)


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return Bench(tmp_path_factory.mktemp("calls"))


def broken(bench: Bench, chosen: Sequence[Fault], planted: str = "") -> list[str]:
    return [one for fault in chosen for one in bench.broken_by(fault, planted)]


def test_the_calls_of_an_append_are_seen(bench):
    assert bench.counts["pwrite64"] > 50
    assert bench.counts["fdatasync"] > 5
    assert bench.counts["unlink"] >= 1


def test_an_append_survives_a_fault_at_any_call(bench):
    chosen = random.Random(SEED).sample(faults(bench.counts), 24)
    assert broken(bench, chosen) == []


# A kill in the middle of the run, and an error, show each of them at several calls.
@pytest.mark.parametrize("planted", ["early", "split"])
def test_a_planted_bug_is_found_out(bench, planted):
    writes = bench.counts["pwrite64"]
    kills = [Fault("pwrite64", at, "KILL") for at in range(20, writes, writes // 10)]
    found = broken(bench, kills, planted)
    expected = "acknowledged and is gone" if planted == "early" else "remembered as known"
    assert [one for one in found if expected in one]


@pytest.mark.faults
@pytest.mark.timeout(3_000)
def test_an_append_survives_every_fault_at_every_call(bench, say):
    chosen = faults(bench.counts)
    found = broken(bench, chosen)
    kinds = Counter(fault.kind for fault in chosen)
    say(
        f"strace: {len(chosen)} faults ({dict(kinds)}) at {dict(bench.counts)}: {len(found)} broken"
    )
    assert found == []


@pytest.mark.faults
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("planted", ["early", "split"])
def test_a_planted_bug_is_found_out_many_times(bench, planted, say):
    chosen = [fault for fault in faults(bench.counts) if fault.kind == "KILL"]
    found = broken(bench, chosen, planted)
    say(f"strace: the planted bug {planted!r} shows {len(found)} times in {len(chosen)} kills")
    assert len(found) > 10
