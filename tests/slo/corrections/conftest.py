from collections.abc import Iterator
from pathlib import Path

import pytest

from slo.corrections.service import CorrectionService
from tests.slo.corrections.people import corrections_of
from tests.slo.shop_till import START_US, Till, payments


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Till]:
    """A till with two objectives of one service, and no event yet."""
    made = Till(tmp_path, [payments(), payments(id="payment-latency", segments=("provider",))])
    made.clock.set_us(START_US)
    yield made
    made.database.close()


@pytest.fixture
def corrections(shop: Till, tmp_path: Path) -> CorrectionService:
    return corrections_of(shop, tmp_path)
