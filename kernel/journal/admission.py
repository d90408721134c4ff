"""What is refused first when not everything can be taken. Pure: no clock, no files, no locks.

Each class has its thresholds: how full the queue, the quota and the disk may be while it is still
taken. Down the list no threshold grows, so whatever is taken, everything more precious is too.
There is no memory in it: a class is taken again as soon as there is room again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kernel.journal.records import ItemClass

# Trimming keeps the rows below this share of the quota: only what is not consumed yet exceeds it.
TRIM_TO_SHARE: Final = 0.80


class Reason(StrEnum):
    """What there is too little of."""

    QUEUE = "queue"  # appends wait for the disk faster than it takes them
    QUOTA = "quota"  # rows that may not be trimmed fill TILLWATCH_JOURNAL_MAX_BYTES
    DISK = "disk"  # free space fell below TILLWATCH_JOURNAL_RESERVE_BYTES
    MEMORY = "memory"  # bodies that are being read or inflated fill their budget


@dataclass(frozen=True)
class Threshold:
    """A class is taken while all three hold.

    `queue`: waiting appends and bytes, the newcomer among them, take at most this share of their
    bounds. `quota`: the rows take at most this share. `reserve`: free space is at least this many
    times the reserve.
    """

    queue: float
    quota: float
    reserve: float


_ALWAYS = Threshold(1.0, math.inf, 0.0)
_TELEMETRY = Threshold(0.50, 0.90, 1.0)
THRESHOLDS: Final[Mapping[ItemClass, Threshold]] = {
    ItemClass.MONEY: _ALWAYS,
    ItemClass.ALERT: _ALWAYS,
    ItemClass.SLACK: _ALWAYS,
    ItemClass.BUSINESS: Threshold(0.90, 0.98, 0.25),
    ItemClass.WEBHOOK: Threshold(0.75, 0.95, 0.50),
    ItemClass.CHANGE: Threshold(0.75, 0.95, 0.50),
    ItemClass.TRACE: _TELEMETRY,
    ItemClass.METRIC: _TELEMETRY,
    ItemClass.LOG: _TELEMETRY,
    ItemClass.DEBUG_LOG: Threshold(0.25, 0.85, 1.25),
}


@dataclass(frozen=True)
class Limits:
    """Bounds of the queue. Telemetry may fill half of the bytes: one body of the largest size."""

    appends: int = 20_000
    bytes: int = 128 * 1024**2


@dataclass(frozen=True)
class Pressure:
    """How things stand. `quota_share`: rows / quota; `free_share`: free space / reserve."""

    appends: int = 0
    bytes: int = 0
    quota_share: float = 0.0
    free_share: float = math.inf


def refusal(
    item_class: ItemClass, size_bytes: int, pressure: Pressure, limits: Limits
) -> Reason | None:
    """Why an append of this class and size is not taken now; None where it is."""
    threshold = THRESHOLDS[item_class]
    if pressure.free_share < threshold.reserve:
        return Reason.DISK
    if pressure.quota_share > threshold.quota:
        return Reason.QUOTA
    if pressure.appends + 1 > threshold.queue * limits.appends:
        return Reason.QUEUE
    return None if fits(item_class, size_bytes, pressure.bytes, limits.bytes) else Reason.QUEUE


def fits(item_class: ItemClass, size_bytes: int, held_bytes: int, max_bytes: int) -> bool:
    """Whether so many more bytes are within the class's share.

    Where nothing is held anything fits: what is larger than its share must get through at all.
    """
    return held_bytes == 0 or held_bytes + size_bytes <= THRESHOLDS[item_class].queue * max_bytes
