"""What may be our own fault: were we listening, and how late do sources deliver? In memory.

Silence of the shop can only be told while we listen ourselves. Listening begins when the engine
starts and anew after the watermark was old (door down, journal refusing, ledger behind) or no look
was taken (machine asleep): what was sent meanwhile comes late, so nothing is judged for two
minutes. A source that delivers in batches is empty between them: windows end that much earlier, as
the third longest gap of the last hour beyond what chance leaves between single attempts tells (the
longest two may be short outages).
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US
from slo.silence.rule import SLICE_US

STALE_US = 30 * SECOND_US
SETTLE_US = 2 * MINUTE_US
# A source whose rhythm is unknown is judged after this time all the same.
PATIENCE_US = 12 * MINUTE_US
MOST_LAG_US = 10 * MINUTE_US
_TELLING_GAPS = 3
_KEPT_GAPS = 16
_KEPT_US = HOUR_US

Key = tuple[str, str]  # objective, source ("" = all sources together)


class Pulse:
    """One per engine process; `note_pass` first in each pass."""

    def __init__(self) -> None:
        self._since_us: int | None = None
        self._looked_us = 0
        self._newest: dict[Key, int] = {}
        self._gaps: dict[Key, list[tuple[int, int]]] = {}

    def note_pass(self, now_us: int, watermark_us: int) -> None:
        """What is counted up to `watermark_us` is all there is at `now_us`."""
        looked_us, self._looked_us = self._looked_us, now_us
        if watermark_us < now_us - STALE_US:
            self._since_us = None
            return
        if now_us - looked_us > STALE_US:
            self._since_us = None
        if self._since_us is None or self._since_us > now_us:
            self._since_us = now_us
            self._newest.clear()

    def deaf(self, now_us: int) -> str:
        """Why nothing can be told of silence; "" while we listen well."""
        if self._since_us is None:
            return "what arrived is not counted yet: the watermark is behind"
        if now_us - self._since_us < SETTLE_US:
            return "listening began less than 2 minutes ago"
        return ""

    def note_newest(self, key: Key, newest_us: int, now_us: int) -> None:
        """The newest slice with an attempt begun; a step forward ends a gap."""
        before_us = self._newest.get(key)
        if before_us is not None and newest_us <= before_us:
            return
        self._newest[key] = newest_us
        if before_us is None:
            return
        gap_us = now_us - before_us - SLICE_US
        kept = [one for one in self._gaps.get(key, []) if one[0] > now_us - _KEPT_US]
        kept = sorted([*kept, (now_us, gap_us)], key=lambda one: one[1])[-_KEPT_GAPS:]
        self._gaps[key] = kept

    def forget_gap(self, key: Key) -> None:
        """The gap that is open was a silence of the shop: it says nothing of deliveries."""
        self._newest.pop(key, None)

    def lag_us(self, key: Key, per_s: float) -> int:
        """How much earlier than the watermark windows must end, in whole slices.

        `per_s`: expected attempts, for the gap that chance alone leaves.
        """
        gaps = sorted((gap for _, gap in self._gaps.get(key, ())), reverse=True)
        if len(gaps) < _TELLING_GAPS or per_s <= 0:
            return 0
        chance_s = log(max(2.0, per_s * _KEPT_US / SECOND_US / _TELLING_GAPS)) / per_s
        beyond_us = gaps[_TELLING_GAPS - 1] - 2 * SLICE_US - round(chance_s * SECOND_US)
        lag_us = min(max(0, beyond_us), MOST_LAG_US)
        return -(-lag_us // SLICE_US) * SLICE_US

    def knows(self, key: Key, now_us: int) -> bool:
        """True where the source's rhythm was seen, or was waited for long enough."""
        if self._since_us is not None and now_us - self._since_us >= PATIENCE_US:
            return True
        return len(self._gaps.get(key, ())) >= _TELLING_GAPS

    def lags(self) -> Mapping[Key, int]:
        """Longest gap kept by key, for those who look inside."""
        return {key: max(gap for _, gap in gaps) for key, gaps in self._gaps.items() if gaps}
