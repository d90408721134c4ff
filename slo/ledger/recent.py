"""Units that were counted a moment ago, kept in memory: most are heard of again within seconds.

What is here is what the file holds, so each of them saves a look-up, a decoding and a fold.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from kernel.clock import HOUR_US
from kernel.shop_event import ShopEvent
from slo.ledger.pulse import Beat
from slo.ledger.retention import UNITS_US
from slo.ledger.unit import Unit
from slo.objective import UnitKind

# Stored bytes of the units in one of two generations; in memory they are some five times larger.
_MOST_BYTES: Final = 2 * 1024 * 1024


class Held(msgspec.Struct, frozen=True, gc=False):
    """A unit as it is counted. `beat`: where it is begun; `row`: where the file holds it; `hour`:
    when it was last heard of.
    """

    events: tuple[ShopEvent, ...]
    unit: Unit
    beat: Beat | None
    row: int
    hour: int


class RecentUnits:
    """The units of the newest transactions, in two generations: the older one goes as a whole."""

    def __init__(self, *, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._young: dict[UnitKind, dict[str, Held]] = {kind: {} for kind in UnitKind}
        self._old = self._young
        self._bytes = 0
        self._oldest_hour = 0

    def find(self, kind: UnitKind, keys: Iterable[str], received_us: int) -> dict[str, Held]:
        """Those that are known here. The file may have dropped what is older than units are kept,
        so it is asked about those.
        """
        young, old = self._young[kind], self._old[kind]
        oldest = (received_us - UNITS_US) // HOUR_US
        oldest = self._oldest_hour = max(self._oldest_hour, oldest)
        found: dict[str, Held] = {}
        for key in keys:
            held = young.get(key) or old.get(key)
            if held is not None and held.hour >= oldest:
                found[key] = held
        return found

    def keep(self, kind: UnitKind, units: dict[str, Held], stored_bytes: int) -> None:
        """Remember what is written with this transaction."""
        self._young[kind].update(units)
        self._bytes += stored_bytes
        if self._bytes > self._most_bytes:
            self._old, self._bytes = self._young, 0
            self._young = {kind: {} for kind in UnitKind}

    def forget(self) -> None:
        """After a rollback, and when the objectives change."""
        self._young = self._old = {kind: {} for kind in UnitKind}
        self._bytes = 0
