"""What is looked at by itself, as documents: flag files and status pages, and how they are."""

from __future__ import annotations

from typing import Any

from collector.changes.memory import ChangeMemory
from kernel.clock import rfc3339


def documents(memory: ChangeMemory) -> list[dict[str, Any]]:
    """One for each, by name. `state`: what it said when it was read last; `problem`: or why not."""
    return [
        {
            "name": one.what,
            "place": one.place,
            "state": one.state,
            "read_at": rfc3339(one.read_us) if one.read_us else None,
            "tried_at": rfc3339(one.tried_us),
            "problem": one.problem,
        }
        for one in memory.watched()
    ]
