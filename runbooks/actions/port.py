"""What an adapter is, and what an execution can come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from runbooks.planning import Action


@dataclass(frozen=True)
class Outcome:
    """What became of an execution.

    unknown = it may or may not have happened, and only a person can tell. waiting = a person is
    doing it now.
    """

    state: Literal["succeeded", "failed", "unknown", "waiting"]
    summary: str
    detail: Mapping[str, int | str] = field(default_factory=dict)
    response: bytes = b""


class Unreadable(Exception):
    """The precondition could not be read just now; trying again may help."""


class PreconditionFailed(Exception):
    """The precondition does not hold: running the step makes no sense (any more)."""


class Adapter(Protocol):
    """Reads preconditions, tells exactly what it would do, does it once."""

    def observe(self, action: Action) -> dict[str, Any]:
        """What must be the same when it runs. Raises Unreadable or PreconditionFailed."""
        ...

    def dry_run(self, action: Action, action_id: str) -> list[str]:
        """What `run` would send, line by line; touches no network."""
        ...

    def run(self, action: Action, action_id: str) -> Outcome:
        """Do it, once. Never raises for what the other side does."""
        ...
