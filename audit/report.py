"""What a verification says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

MAX_PROBLEMS: Final = 100

_NEXT: Final = {
    "verified": "",
    "verified_erased": "",
    "empty": "nothing was recorded yet: start the service once",
    "unsigned_tail": (
        "start the service: it signs what is left within two seconds; then verify again. "
        "If it says that it stops, believe it"
    ),
    "unanchored": (
        "without the checkpoint file a restored older database looks the same: put the newest "
        "audit.checkpoint that anybody kept beside the database and verify again"
    ),
    "broken_story": "the bytes are as signed, but an action ran without its approval: ask why",
    "tampered": (
        "keep this database and the audit.* files as they are; compare with a backup or an export "
        "from the first bad index on"
    ),
    "unreadable": "this is no readable log: check the path, then the disk; restore a backup",
}


@dataclass(frozen=True)
class Problem:
    """Something wrong with the records [start, end)."""

    start: int
    end: int
    what: str


@dataclass(frozen=True)
class Report:
    """`result`: verified | verified_erased | unsigned_tail | unanchored | broken_story | tampered |
    empty | unreadable. `size`: leaves found; `checkpoint`: the newest good one; `pending`: records
    that are not sequenced yet.
    """

    result: str
    size: int = 0
    first_bad_index: int | None = None
    checkpoint: dict[str, Any] | None = None
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    pending: int = 0
    erased: int = 0

    @property
    def good(self) -> bool:
        """True where an auditor may rely on the log."""
        return self.result in {"verified", "verified_erased"}

    @property
    def next_step(self) -> str:
        """What to do now; empty where nothing."""
        return _NEXT[self.result]

    def as_json(self) -> dict[str, Any]:
        """The document of `tillwatch audit verify --json`."""
        return {
            "result": self.result,
            "size": self.size,
            "first_bad_index": self.first_bad_index,
            "checkpoint": self.checkpoint,
            "pending": self.pending,
            "erased": self.erased,
            "problem_count": self.problem_count,
            "problems": [
                {"from": one.start, "to": one.end, "what": one.what} for one in self.problems
            ],
            "next_step": self.next_step,
        }


class Problems:
    """Collects problems, and finds the first bad index behind them."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self.count = 0

    def add(self, start: int, end: int, what: str) -> None:
        """Note a problem with the records [start, end)."""
        self.count += 1
        # Ranges that a bent leaf explains are many; beyond this bound nothing new is learnt.
        if len(self._found) < 10 * MAX_PROBLEMS:
            self._found.append(Problem(start, max(end, start + 1), what))

    def first_bad_index(self) -> int | None:
        """The smallest start of what no narrower problem explains.

        A changed leaf also bends every node and root above it: those ranges contain it and are
        its consequence, so a range counts only where no narrower problem lies inside.
        """
        accepted: list[Problem] = []
        for one in sorted(self._found, key=lambda one: (one.end - one.start, one.start)):
            if not any(one.start <= good.start and good.end <= one.end for good in accepted):
                accepted.append(one)
        return min((one.start for one in accepted), default=None)

    def listed(self) -> list[Problem]:
        """The narrowest and earliest first, a bounded number."""
        ordered = sorted(self._found, key=lambda one: (one.end - one.start, one.start))
        return ordered[:MAX_PROBLEMS]
