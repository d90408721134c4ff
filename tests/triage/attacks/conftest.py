"""A model service on loopback, and a shop whose telemetry the attacker writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.fakes.openai_server import FakeOpenAI
from tests.triage.attacks.attacker import Shop


@pytest.fixture
def model() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def shop(tmp_path: Path, model: FakeOpenAI) -> Iterator[Shop]:
    made = Shop(tmp_path, model)
    yield made
    made.close()
