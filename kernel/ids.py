"""Identifiers: UUIDv7 (RFC 9562), sortable by time of making."""

from __future__ import annotations

import secrets
import uuid

from kernel.clock import Clock, SystemClock


def uuid7(clock: Clock | None = None) -> str:
    """A new UUIDv7 in canonical text form: 48 bits of ms, then 74 random bits."""
    now_ms = (clock or SystemClock()).now_us() // 1000
    rand = secrets.randbits(74)
    value = (now_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (rand >> 62) << 64 | 0b10 << 62
    return str(uuid.UUID(int=value | rand & (1 << 62) - 1))
