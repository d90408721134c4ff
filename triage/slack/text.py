"""Text objects that say exactly what they are given: no mention, link, emoji or formatting. Pure.

Everything of ours is `plain_text`: Slack's markup is not read in it. What remains are characters
that deceive the eye (direction marks, invisible ones) and `:names:` that clients show as emoji.
"""

from __future__ import annotations

import re
from typing import Any

# Block Kit's limits (docs.slack.dev).
MAX_SECTION = 3_000
MAX_FIELD = 2_000
MAX_HEADER = 150
MAX_BUTTON = 75

# Controls but newline; invisible, direction and tag characters; halves of surrogate pairs.
_DECEIVING = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_HALVES = re.compile("[\ud800-\udfff]")
# A colon that begins an emoji's name; two digits between colons are a time.
_EMOJI = re.compile(r":(?!\d\d:)(?=[^\s:]{1,100}:)")
_JOINER = "\u2060"
# In the notification, which is formatted text, each of these gets a double without meaning.
_DOUBLES = str.maketrans(
    {
        "*": "\u2217",
        "_": "\uff3f",
        "~": "\u223c",
        "`": "\u02cb",
        "@": "\uff20",
        "#": "\uff03",
    }
)
_ADDRESS = re.compile(r":(?=//)|(?<=[^\W\d_])\.(?=[^\W\d_])")


def cleared(text: str) -> str:
    """`text` without what deceives the eye; line breaks stay."""
    text = _DECEIVING.sub("", _HALVES.sub("\ufffd", text.replace("\r\n", "\n")))
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return _EMOJI.sub(f":{_JOINER}", text)


def line(text: str) -> str:
    """The same on one line: nothing can pretend to be another line of ours."""
    return cleared(" ".join(text.split()))


def plain(text: str, limit: int) -> dict[str, Any]:
    """A `plain_text` object of 1 to `limit` characters."""
    shown = cut(cleared(text).strip(), limit)
    return {"type": "plain_text", "text": shown or "–", "emoji": False}


def fits(text: str, limit: int) -> bool:
    """Whether `text` is shown whole within `limit`."""
    return len(cleared(text).strip()) <= limit


def section(text: str) -> dict[str, Any]:
    """A section block."""
    return {"type": "section", "text": plain(text, MAX_SECTION)}


def context(parts: list[str]) -> dict[str, Any]:
    """A context block of at most ten parts."""
    return {"type": "context", "elements": [plain(part, 500) for part in parts[:10]]}


def button(action_id: str, label: str, value: str) -> dict[str, Any]:
    """A button."""
    return {
        "type": "button",
        "action_id": action_id,
        "text": plain(label, MAX_BUTTON),
        "value": value,
    }


def notification(text: str, limit: int) -> str:
    """What notifications and screen readers get. It is formatted text: nothing of it is markup."""
    text = line(text).translate(_DOUBLES)
    text = _ADDRESS.sub(lambda found: f"{found[0]}{_JOINER}", text)
    return _cut_escaped(escape(text), limit)


def escape(text: str) -> str:
    """Escape Slack's three control characters (docs.slack.dev, formatting text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, limit: int) -> str:
    """At most `limit` characters, with a sign where something is left out."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _cut_escaped(text: str, limit: int) -> str:
    """At most `limit` characters; never ends inside an escape."""
    if len(text) <= limit:
        return text
    short = text[: limit - 1]
    start = short.rfind("&", max(0, len(short) - 5))
    if start >= 0 and ";" not in short[start:]:
        short = short[:start]
    return short + "…"
