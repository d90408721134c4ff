"""Minutes, hours and days are added up when they are over, and nothing can tell the difference."""

from __future__ import annotations

import random
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from kernel.shop_event import Origin
from slo.ledger import SegmentKey, Sums
from slo.ledger.levels import FINE_US, LEVELS_US
from tests.slo.ledger.till import T0, Till, event, latencies, payments

SPAN_S = 2 * 86_400


def _arrivals(rng: random.Random, size: int):
    """Payments over two days: most arrive at once, some hours late, some are revised."""
    for number in range(size):
        at_s = rng.randrange(SPAN_S)
        late_s = rng.choice([1, 1, 1, 40, 4_000, 30_000, 90_000])
        told = event(
            rng.choice(["succeeded", "failed", "failed"]),
            at_s,
            f"p{rng.randrange(size)}",
            id=str(number),
            checkout_id=rng.choice(["", "c1", "c2", "c3"]),
            provider=rng.choice(["stripe", "adyen"]),
            origin=rng.choice([Origin.BACKEND, Origin.PROVIDER]),
            latency_ms=rng.choice([None, 5.0, 900.0]),
        )
        yield at_s + late_s, told


def _counted(found: dict[SegmentKey, Sums]) -> dict[SegmentKey, Sums]:
    """Without what was added and taken back again."""
    return {key: sums for key, sums in found.items() if sums != Sums()}


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 10_000))
def test_a_window_is_the_same_however_late_its_events_came(tmp_path_factory, seed):
    rng = random.Random(seed)
    arrivals = sorted(_arrivals(rng, 120), key=lambda one: one[0])
    slowly = Till(tmp_path_factory.mktemp("slowly"), [payments(), latencies()])
    at_once = Till(tmp_path_factory.mktemp("once"), [payments(), latencies()])
    for received_s, told in arrivals:
        slowly.take(told, received_s=received_s)
    at_once.take(*[told for _, told in arrivals], received_s=arrivals[-1][0])
    for _ in range(20):
        low, high = sorted(rng.randrange(-HOUR_US, SPAN_S * SECOND_US) for _ in range(2))
        window = (T0 + low, T0 + high)
        for objective in (payments(), latencies()):
            expected = _counted(at_once.reader.segment_sums(objective, *window))
            assert _counted(slowly.reader.segment_sums(objective, *window)) == expected
    slowly.close()
    at_once.close()


@pytest.mark.parametrize("seed", range(3))
def test_each_coarse_cell_is_the_sum_of_the_finer_ones(tmp_path, seed):
    till = Till(tmp_path, [payments()])
    for received_s, told in sorted(_arrivals(random.Random(seed), 200), key=lambda one: one[0]):
        till.take(told, received_s=received_s)
    cells: dict[int, dict[tuple, list[int]]] = {level_us: {} for level_us in LEVELS_US}
    for no, level_us, slice_us, segment_id, currency, *counts in till.table("cell"):
        cells[level_us][no, slice_us, segment_id, currency] = counts
    marks = till.reader.marks()
    for finer_us, level_us in ((MINUTE_US, HOUR_US), (HOUR_US, DAY_US)):
        added: dict[tuple, list[int]] = defaultdict(lambda: [0] * 8)
        for (no, slice_us, *rest), counts in cells[finer_us].items():
            if slice_us < (marks.ends(level_us) or 0):
                place = (no, slice_us - slice_us % level_us, *rest)
                added[place] = [a + b for a, b in zip(added[place], counts, strict=True)]
        assert added
        assert added == cells[level_us]


def test_the_hot_path_writes_one_cell_and_the_levels_follow(till):
    till.take(event("succeeded", 0))
    assert {row[1] for row in till.table("cell")} == {FINE_US}
    till.take(event("succeeded", 3700, "p2"), received_s=3700)
    rolled = {row[1] for row in till.table("cell") if row[2] < T0 + HOUR_US}
    assert rolled == {FINE_US, MINUTE_US, HOUR_US}


def test_cells_go_after_400_days(till):
    till.take(event("succeeded", 0))
    late_s = 402 * 86_400
    till.take(event("succeeded", late_s, "p2"), received_s=late_s)
    assert till.reader.sums(payments(), T0 - DAY_US, T0 + DAY_US).good == 0
    assert {row[2] for row in till.table("cell")} == {T0 + late_s * SECOND_US}


def test_the_hour_of_a_change_that_comes_late_is_noted(till):
    till.take(event("succeeded", 0), received_s=1)
    till.take(event("succeeded", 3_000, "p2"), received_s=3_001)
    late = "SELECT count(*) FROM mark WHERE name GLOB 'late:*'"
    assert till.writer.connection().execute(late).fetchone() == (0,)
    till.take(event("failed", 5, "p3"), received_s=3_002)
    assert till.writer.connection().execute(late).fetchone() == (1,)
