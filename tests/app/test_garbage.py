"""Looks for garbage in cycles are seldom."""

import subprocess
import sys

_ASKED = """
import gc
from app.garbage import collect_seldom
collect_seldom()
looks = sum(one["collections"] for one in gc.get_stats())
kept = [[number] for number in range(40_000)]
print(sum(one["collections"] for one in gc.get_stats()) - looks, gc.get_freeze_count() > 0)
"""


def test_tens_of_thousands_of_new_objects_are_no_reason_to_look():
    """In a process of its own: it would change this one's for good."""
    done = subprocess.run(
        [sys.executable, "-c", _ASKED], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["0", "True"]
