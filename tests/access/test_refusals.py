"""A flood of refusals: few records, an exact count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from access.refusals import Window, admit, close
from kernel.clock import MINUTE_US


@given(st.lists(st.integers(min_value=0, max_value=MINUTE_US), max_size=300), st.integers(1, 20))
def test_recorded_plus_counted_is_every_refusal_and_recording_is_bounded(gaps, limit):
    window, now_us = Window(), 1_000 * MINUTE_US
    recorded = counted = 0
    minutes = set()
    for gap in gaps:
        now_us += gap
        minutes.add(now_us // MINUTE_US)
        window, summary = close(window, now_us)
        counted += summary.count if summary else 0
        window, alone = admit(window, now_us, limit)
        recorded += alone
    _, summary = close(window, now_us + MINUTE_US)
    counted += summary.count if summary else 0
    assert recorded + counted == len(gaps)
    assert recorded <= limit * len(minutes)
