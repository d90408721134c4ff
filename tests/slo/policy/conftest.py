from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slo.policy.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """The shipped policy over ten healthy minutes of payments."""
    found = Office(tmp_path)
    found.till.play(600, per_s=2, evaluate=False)
    yield found
    found.database.close()
