"""Asks for a decision that nobody gave: a line in the incident's thread, with whom it calls. Pure.

Whom it calls is said by settings, as ids of Slack's: the only mentions that Tillwatch ever makes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kernel.errors import NotConfigured
from triage.slack.card import Message
from triage.slack.proposal_blocks import ProposalView
from triage.slack.text import MAX_SECTION, line, notification, section

_PERSON: Final = re.compile(r"[UW][A-Z0-9]{2,30}\Z")
_GROUP: Final = re.compile(r"S[A-Z0-9]{2,30}\Z")


@dataclass(frozen=True)
class Called:
    """Whom the ladder calls: ids of a user (`U...`) or a user group (`S...`); "" for nobody."""

    on_call: str = ""
    secondary: str = ""

    def __post_init__(self) -> None:
        """Raises NotConfigured for anything else, so that a start tells it and not the alert."""
        for name, value in (("ON_CALL", self.on_call), ("SECONDARY", self.secondary)):
            if value and not (_PERSON.match(value) or _GROUP.match(value)):
                raise NotConfigured(
                    f"TILLWATCH_SLACK_{name} is no id of Slack's",
                    hint="a user's id begins with U or W, a user group's with S",
                )

    def mention(self, rung: str) -> str:
        """Slack's markup that calls whoever this rung asks, or ""."""
        name = {"on_call": self.on_call, "secondary": self.secondary}.get(rung, "")
        if not name:
            return ""
        return f"<!subteam^{name}>" if name.startswith("S") else f"<@{name}>"


def question(proposal: ProposalView, rung: str, waited_s: int, called: Called) -> Message:
    """What the thread says at a rung of the ladder."""
    mention = called.mention(rung)
    waited = f"Nobody has decided for {waited_s // 60} min" if waited_s >= 60 else "To be decided"
    said = f"{waited}: {line(proposal.what)} Expires {proposal.expires_at}. No answer means no."
    if rung == "paging":
        said += " The second channel pages now, where one is set."
    blocks: list[Mapping[str, Any]] = [section(said)]
    if mention:
        # Made of a checked id and nothing else: the one text that Slack reads as markup.
        blocks.insert(0, {"type": "section", "text": {"type": "mrkdwn", "text": mention}})
    text = notification(said, MAX_SECTION // 4)
    return Message(text=f"{mention} {text}".strip(), blocks=blocks)
