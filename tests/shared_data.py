"""Where the public test data lies: beside the project, never inside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(path: str) -> Path:
    """`shared/<path>`. Absent: the test is skipped, or fails under CI."""
    found = _SHARED / path
    if not found.exists():
        if os.environ.get("CI"):
            pytest.fail(f"test data is missing under CI: shared/{path}")
        pytest.skip(f"test data is not here: shared/{path}")
    return found
