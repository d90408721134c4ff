"""The sequencing process dies by SIGKILL; what comes back up is a whole log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.audit.installation import Installation

ROOT = Path(__file__).resolve().parents[2]
CHILD = """
import sys
from pathlib import Path
from tests.audit.installation import Installation
home = Installation(Path(sys.argv[1]))
while True:
    print(home.record_many(3)[-1], flush=True)
    home.sequencer.step()
"""


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 8])
def test_a_killed_sequencer_loses_nothing_that_was_recorded(tmp_path: Path, lines: int):
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as child:
        assert child.stdout is not None
        recorded = [child.stdout.readline().strip() for _ in range(lines)]
        child.kill()
    home = Installation(tmp_path)
    while home.sequencer.step():
        pass
    assert home.verify().result == "verified"
    assert all(home.log.proof(record_id) is not None for record_id in recorded)
    home.database.close()
