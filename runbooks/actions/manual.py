"""A step that a person does by hand and confirms; nothing is sent."""

from __future__ import annotations

from typing import Any

from runbooks.actions.port import Outcome
from runbooks.planning import Action


class ManualAdapter:
    """Keeps the record of work that code cannot do."""

    def observe(self, action: Action) -> dict[str, Any]:  # noqa: ARG002 - the port's shape
        """There is nothing to read."""
        return {}

    def dry_run(self, action: Action, action_id: str) -> list[str]:  # noqa: ARG002 - the port's shape
        """What the person is asked to do."""
        return ["Nothing is sent. A person does this and confirms:", str(action["instructions"])]

    def run(self, action: Action, action_id: str) -> Outcome:  # noqa: ARG002 - the port's shape
        """Wait for the person's confirmation."""
        return Outcome("waiting", "waits for a person to confirm that it is done")
