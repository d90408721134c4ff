"""Fixtures of the runbook tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runbooks.loopback import Loopback
from tests.runbooks.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


@pytest.fixture
def canary() -> Iterator[Loopback]:
    """Something inside that must never be reached."""
    server = Loopback()
    yield server
    server.close()
