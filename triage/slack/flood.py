"""A storm of incidents is not a storm of messages: a bounded number of cards, and one message that
counts the rest. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kernel.clock import MINUTE_US
from triage.slack.card import Message
from triage.slack.text import MAX_SECTION, line, notification, section

WINDOW_US = 10 * MINUTE_US
MOST_CARDS = 20
# What is critical may have more, so that no storm of lesser things takes its place.
MOST_CRITICAL = 60
SHOWN = 5


@dataclass(frozen=True)
class Held:
    """Incidents that got no card of their own: how many still burn, and the worst of them."""

    burning: int
    worst: Sequence[tuple[str, str, str]] = ()  # number, severity, title


def has_room(cards_lately: int, *, critical: bool) -> bool:
    """True where an incident may have a card, with so many new ones in the newest 10 minutes."""
    return cards_lately < (MOST_CRITICAL if critical else MOST_CARDS)


def held_message(held: Held, url: str) -> Message:
    """The one message about all that have no card."""
    if not held.burning:
        return _said("The incidents that had no card here are over.")
    more = held.burning - len(held.worst)
    burn = "incident burns and has" if held.burning == 1 else "incidents burn and have"
    lines = [
        f"{held.burning:,} more {burn} no card here, so that this channel stays readable:",
        *(
            f"• {number} ({severity}): {line(title)[:150]}"
            for number, severity, title in held.worst
        ),
        *([f"and {more:,} more"] if more else []),
        f"All of them: {url}",
    ]
    return _said("\n".join(lines))


def _said(text: str) -> Message:
    return Message(text=notification(text, MAX_SECTION), blocks=[section(text)])
