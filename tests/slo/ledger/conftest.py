from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slo.ledger.till import Till, payments


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    """A till that counts one objective."""
    made = Till(tmp_path, [payments()])
    yield made
    made.close()
