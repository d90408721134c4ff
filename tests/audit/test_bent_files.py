"""Bits of the database file flip: the verifier never calls other content verified."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.audit.installation import Installation

TABLES = ["leaf", "payload", "checkpoint", "head", "node", "index", "outbox"]


def content(home: Installation) -> list[list[tuple[object, ...]]] | None:
    try:
        return [home.rows(f"SELECT * FROM audit_{table} ORDER BY 1, 2") for table in TABLES]
    except sqlite3.DatabaseError:
        return None


@pytest.fixture(scope="module")
def bent(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    home = Installation(tmp_path_factory.mktemp("bent"))
    home.record_many(5)
    home.sequencer.step()
    home.record_many(3)
    home.sequencer.step()
    home.database.close()
    return home


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_flipped_bit_of_the_file_is_verified_with_other_content(
    bent: Installation, data: st.DataObject
):
    original = bent.path.read_bytes()
    truth = content(bent)
    flipped = bytearray(original)
    flipped[data.draw(st.integers(0, len(original) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        bent.path.write_bytes(bytes(flipped))
        if bent.verify().good:
            assert content(bent) == truth
    finally:
        for suffix in ("-wal", "-shm"):
            Path(f"{bent.path}{suffix}").unlink(missing_ok=True)
        bent.path.write_bytes(original)
