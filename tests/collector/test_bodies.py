"""Unpacking: what was packed comes back, nothing is cut silently, and bombs stay small."""

from __future__ import annotations

import contextlib
import gzip
import random
import tracemalloc
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from collector.bodies import decompress
from kernel.errors import BadInput, TooLarge, UnsupportedFormat
from tests.faults.bombs import BOMBS

MIB = 1024**2
LIMIT = 64 * MIB
PACKERS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
}
PACKED = pytest.mark.parametrize("encoding", PACKERS)
FEW_KIB = random.Random(1).randbytes(3_000) + b"telemetry " * 300


@PACKED
@given(body=st.binary(max_size=2_000), times=st.integers(1, 200))
def test_what_was_packed_comes_back(encoding, body, times):
    whole = body * times
    assert decompress(PACKERS[encoding](whole), encoding, LIMIT) == whole


@PACKED
def test_a_large_body_comes_back_whole(encoding):
    whole = random.Random(2).randbytes(700_001) + bytes(2 * MIB) + random.Random(3).randbytes(70)
    assert decompress(PACKERS[encoding](whole), encoding, len(whole)) == whole
    with pytest.raises(TooLarge):
        decompress(PACKERS[encoding](whole), encoding, len(whole) - 1)


@PACKED
def test_a_body_that_was_cut_anywhere_is_refused(encoding):
    packed = PACKERS[encoding](FEW_KIB)
    for size in range(1, len(packed)):
        with pytest.raises(BadInput):
            decompress(packed[:size], encoding, LIMIT)


@PACKED
def test_bytes_behind_the_end_are_refused(encoding):
    with pytest.raises(BadInput):
        decompress(PACKERS[encoding](FEW_KIB) + b"more", encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_members_and_frames_are_joined(encoding):
    parts = [FEW_KIB, b"", b"end" * 50_000]
    packed = b"".join(PACKERS[encoding](part) for part in parts)
    assert decompress(packed, encoding, LIMIT) == b"".join(parts)


@PACKED
@given(body=st.binary(max_size=300), at=st.integers(0, 299), bit=st.integers(0, 7))
def test_damaged_bytes_are_refused_or_change_nothing_but_bytes(encoding, body, at, bit):
    packed = bytearray(PACKERS[encoding](body))
    packed[at % len(packed)] ^= 1 << bit
    with contextlib.suppress(BadInput, TooLarge):
        decompress(bytes(packed), encoding, LIMIT)


@given(body=st.binary(max_size=300))
@pytest.mark.parametrize("encoding", ["", "identity", "gzip", "deflate", "zstd", "br", "gzip,gzip"])
def test_any_bytes_are_unpacked_or_refused(encoding, body):
    with contextlib.suppress(BadInput, TooLarge, UnsupportedFormat):
        assert len(decompress(body, encoding, LIMIT)) <= LIMIT


def test_only_one_layer_is_unpacked():
    encoding, make = BOMBS["gzip in gzip"]
    assert decompress(make(), encoding, LIMIT).startswith(b"\x1f\x8b")


@pytest.mark.parametrize("bomb", sorted(set(BOMBS) - {"gzip in gzip"}))
def test_a_bomb_is_refused_in_little_memory(bomb):
    encoding, make = BOMBS[bomb]
    body = make()
    tracemalloc.start()
    try:
        with pytest.raises((BadInput, TooLarge, UnsupportedFormat)):
            decompress(body, encoding, LIMIT)
        assert tracemalloc.get_traced_memory()[1] < 40 * MIB
    finally:
        tracemalloc.stop()
