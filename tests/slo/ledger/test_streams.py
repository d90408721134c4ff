"""Two streams are read in step."""

from __future__ import annotations

import pytest

from kernel.clock import DAY_US
from kernel.journal import Stream
from slo.ledger import streams
from slo.ledger.streams import InStep
from tests.slo.ledger.till import record


class _Reader:
    """Records by position, as a journal file gives them."""

    def __init__(self, stream: Stream, received_days: list[int]) -> None:
        self.records = [
            record(position, [], day * 86_400, stream)
            for position, day in enumerate(received_days, start=1)
        ]

    def read(self, wanted, after, *, limit, max_bytes):
        return [one for one in self.records if one.position > after][:limit]


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_neither_stream_runs_ahead_of_what_the_other_still_holds(tmp_path, monkeypatch, size):
    monkeypatch.setattr(streams, "RECORDS_A_STEP", size)
    days = {Stream.SHOP: list(range(20)), Stream.DERIVED: [0, 7, 7, 14, 19]}
    both = InStep({stream: tmp_path / stream for stream in days})
    both.readers = {stream: _Reader(stream, told) for stream, told in days.items()}
    until = {stream: len(told) for stream, told in days.items()}
    after = dict.fromkeys(days, 0)
    seen: dict[Stream, list[int]] = {stream: [] for stream in days}
    while (batch := both.read(after, until)).records:
        for stream, records in batch.records.items():
            seen[stream] += [one.received_us for one in records]
            after[stream] = records[-1].position
            waiting = [
                one.received_us
                for other, reader in both.readers.items()
                for one in reader.records[after[other] :]
                if other is not stream and other not in batch.records
            ]
            assert all(seen[stream][-1] <= later + DAY_US for later in waiting)
    assert {stream: len(told) for stream, told in seen.items()} == until


def test_a_stream_without_records_has_ended_and_one_that_waits_has_not(tmp_path):
    both = InStep({stream: tmp_path / stream for stream in (Stream.SHOP, Stream.DERIVED)})
    both.readers = {
        Stream.SHOP: _Reader(Stream.SHOP, [1]),
        Stream.DERIVED: _Reader(Stream.DERIVED, []),
    }
    nothing = {Stream.SHOP: 0, Stream.DERIVED: 0}
    batch = both.read(nothing, {Stream.SHOP: 1, Stream.DERIVED: 0})
    assert (set(batch.records), batch.ended) == ({Stream.SHOP}, {Stream.DERIVED})
    assert both.read({Stream.SHOP: 1, Stream.DERIVED: 0}, nothing).ended == set(nothing)
