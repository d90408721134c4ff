from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slo.shop_till import Till


@pytest.fixture
def till(tmp_path: Path) -> Iterator[Till]:
    """A till with the payment objective and ten healthy minutes behind it."""
    found = Till(tmp_path)
    found.play(600)
    yield found
    found.database.close()
