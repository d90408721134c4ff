"""What the long runs share: their figures go past pytest's capture into the log."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def say(capsys) -> Callable[[str], None]:
    """Print past the capture: the figures belong into the log."""

    def aloud(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return aloud
