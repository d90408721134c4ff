"""When a proposal is shown as text only, and why. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from kernel.clock import rfc3339
from runbooks.models import ApprovalRow, SwitchRow

# So many may wait for people in one incident.
MAX_PER_INCIDENT: Final = 3
LOOP: Final = "loop"
SWITCH: Final = "switch"
QUEUE: Final = "queue"


class Hold(NamedTuple):
    """`why`: loop, switch or queue; `text` is for people."""

    why: str
    text: str


def hold(row: ApprovalRow, opened: Iterable[ApprovalRow], switch: SwitchRow | None) -> Hold | None:
    """Why `row` may not come before people now; `opened` is everything that is open already.

    People who are asked too much stop reading: few per incident, and each target once.
    """
    if switch is not None and switch.stopped:
        return Hold(SWITCH, off_words(switch))
    others = [one for one in opened if one.id != row.id]
    here = [one for one in others if one.incident_id == row.incident_id]
    if len(here) >= MAX_PER_INCIDENT:
        return Hold(QUEUE, f"{len(here)} steps of this incident come first")
    if any(one.kind != "manual" and one.target == row.target for one in others):
        return Hold(QUEUE, f"another open step changes {row.target} already: that one comes first")
    return None


def off_words(switch: SwitchRow) -> str:
    """Who switched all execution off, when and why."""
    said = f"all execution was switched off by {switch.person_name}"
    return f"{said} at {rfc3339(switch.at_us)}: {switch.reason}"[:500]


def loop_words(tries: int, owner: str) -> str:
    """A step that does not help is not pressed upon people again."""
    times = "once" if tries == 1 else f"{tries} times"
    who = f" the owner of this runbook ({owner})" if owner else " somebody who knows this service"
    return f"done {times} in the last day without recovery, so it is not proposed again: call{who}"
