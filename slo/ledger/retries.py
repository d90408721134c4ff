"""Counting the past of what is missing, again and again until it succeeds; the others go on.

A rebuild that fails is tried again after a growing wait, while everybody else is counted as ever.
The first try is one replay for all that is missing; after a failure each try is for one objective
alone, in turn, so that one that cannot be counted does not keep the others out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kernel.journal import Stream
from slo.faults import Faults
from slo.ledger.rebuild import forget_rebuild, is_numbered, rebuild
from slo.ledger.writer import LedgerWriter
from slo.objective import Objective

PART: Final = "slo.ledger.rebuild"
_FIRST_WAIT_S: Final = 30.0
MOST_WAIT_S: Final = 900.0
# While a rebuild runs nobody is counted: tries that take long shall be rare.
_TIMES_TOOK: Final = 4


class Rebuilds:
    """Tries when it is time. `writer` must be the caller's alone."""

    def __init__(
        self, writer: LedgerWriter, journals: Mapping[Stream, Path], faults: Faults
    ) -> None:
        """`faults`: where it is told who is still not counted."""
        self._writer = writer
        self._journals = journals
        self._faults = faults
        self._failures = 0
        self._turn = 0
        self._due_s = 0.0
        forget_rebuild(writer)

    def step(self) -> None:
        """One try, where something is missing and a try is due."""
        missing = self._writer.missing
        clock = self._writer.clock
        begun_s = clock.monotonic_s()
        if not missing or begun_s < self._due_s:
            return
        chosen = self._chosen(missing)
        # A full disk too: what follows tells whether others have it as well.
        error = self._faults.caught(
            lambda: rebuild(self._writer, self._journals, chosen), everybodys=()
        )
        took_s = clock.monotonic_s() - begun_s
        if error is None:
            for one in chosen:
                self._faults.mended(PART, one.id)
        elif is_numbered(self._writer, chosen):
            # Their past is there: not to count on would leave a hole that nobody could see.
            self._writer.reload()
        else:
            self._failed(chosen, error)
        if self._failures:
            wait_s = _FIRST_WAIT_S * 2 ** min(self._failures - 1, 10)
            self._due_s = begun_s + took_s + max(min(wait_s, MOST_WAIT_S), _TIMES_TOOK * took_s)
        if not self._writer.missing:
            self._failures, self._due_s = 0, 0.0

    def _chosen(self, missing: list[Objective]) -> list[Objective]:
        if not self._failures:
            return missing
        self._turn += 1
        return [missing[self._turn % len(missing)]]

    def _failed(self, chosen: list[Objective], error: Exception) -> None:
        forget_rebuild(self._writer)
        self._failures += 1
        for one in chosen:
            self._faults.failed(PART, one.id, error, "being counted again, the last try failed")
