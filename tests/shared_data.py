"""Where the public test data lies, and what happens where a machine lacks something."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

_SHARED = Path(__file__).resolve().parents[2] / "shared"


def shared(path: str) -> Path:
    """`shared/<path>`. Absent: the test is skipped, or fails under CI."""
    found = _SHARED / path
    if not found.exists():
        missing(f"test data is not here: shared/{path}")
    return found


def missing(what: str) -> NoReturn:
    """Something a test needs is not on this machine: a failure under CI, elsewhere a skip."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} (missing under CI)")
    pytest.skip(what)
