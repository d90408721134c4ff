"""`/tillwatch ...`: what was typed, as far as it is understood. Pure.

A command reads, or says who has an incident. It never decides an approval: there is no word for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kernel.errors import BadInput

NAME: Final = "/tillwatch"
WORDS: Final = {
    "status": ("status [INC-7]", "what is open, or how one incident stands"),
    "why": ("why [INC-7]", "the brief: what is known, how sure, what could not be checked"),
    "evidence": ("evidence [INC-7]", "the evidence behind the brief"),
    "budget": ("budget [objective]", "what is left of the error budgets"),
    "approvals": ("approvals", "what waits for a decision; decide on the card or the page"),
    "takeover": ("takeover INC-7", "you have it now"),
    "handover": ("handover INC-7 @person note", "somebody else has it now"),
    "help": ("help", "this list"),
}
ACTING: Final = frozenset({"takeover", "handover"})
MAX_TEXT: Final = 1_000
_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,300}\Z")
_INCIDENT: Final = re.compile(r"(?:inc-?)?([0-9]{1,9})\Z", re.IGNORECASE)
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_OBJECTIVE: Final = re.compile(r"[A-Za-z0-9._-]{1,100}\Z")
# Slack's own form of a mention, which only Slack can make.
_MENTION: Final = re.compile(r"<@([UW][A-Z0-9]{1,30})(?:\|[^<>]{0,100})?>\Z")


@dataclass(frozen=True)
class Command:
    """`word` is one of WORDS, or "" where it is none. `subject`: incident or objective, or "".

    `mention`: a Slack user's id; `name`: a person's name of ours; `note`: the rest of the text.
    """

    team: str
    user: str
    channel: str
    trigger_id: str
    word: str
    subject: str = ""
    mention: str = ""
    name: str = ""
    note: str = ""
    app: str = ""
    enterprise: str = ""


def parse_command(fields: Mapping[str, Sequence[str]]) -> Command:
    """The command of Slack's form fields. Raises BadInput where they are no command of ours."""
    if _one(fields, "command") != NAME:
        raise BadInput(f"the command {NAME} is expected", path="command")
    text = _one(fields, "text")
    if len(text) > MAX_TEXT:
        raise BadInput(f"a command has at most {MAX_TEXT} characters", path="text")
    words = text.split()
    word = words[0].lower() if words else "help"
    sender = {
        "team": _id(fields, "team_id"),
        "user": _id(fields, "user_id"),
        "channel": _id(fields, "channel_id"),
        "trigger_id": _id(fields, "trigger_id"),
        "app": _id(fields, "api_app_id") if _one(fields, "api_app_id") else "",
        "enterprise": _id(fields, "enterprise_id") if _one(fields, "enterprise_id") else "",
    }
    if word not in WORDS:
        return Command(**sender, word="")
    if word == "handover":
        return Command(**sender, word=word, **_handover(words[1:]))
    return Command(**sender, word=word, subject=_subject(word, words[1:]))


def _subject(word: str, rest: Sequence[str]) -> str:
    if not rest or word in {"approvals", "help"}:
        return ""
    if word != "budget":
        return _incident(rest[0])
    if not _OBJECTIVE.match(rest[0]):
        raise BadInput("an objective's name has letters, digits and . _ -", path="text")
    return rest[0]


def _incident(text: str) -> str:
    found = _INCIDENT.match(text)
    if found:
        return f"INC-{int(found[1])}"
    if _UUID.match(text):
        return text.lower()
    raise BadInput("an incident is named like INC-7", path="text", hint=f"{NAME} status lists them")


def _handover(rest: Sequence[str]) -> dict[str, str]:
    if len(rest) < 2:
        raise BadInput(f"say {NAME} {WORDS['handover'][0]}", path="text")
    mention = _MENTION.match(rest[1])
    return {
        "subject": _incident(rest[0]),
        "mention": mention[1] if mention else "",
        "name": "" if mention else rest[1].removeprefix("@")[:80],
        "note": " ".join(rest[2:]),
    }


def _one(fields: Mapping[str, Sequence[str]], name: str) -> str:
    found = fields.get(name) or [""]
    if len(found) != 1:
        raise BadInput("it is given twice", path=name)
    return found[0].strip()


def _id(fields: Mapping[str, Sequence[str]], name: str) -> str:
    value = _one(fields, name)
    if not _ID.match(value):
        raise BadInput("an id of up to 300 letters, digits and . _ : - is needed", path=name)
    return value
