"""A diff as the lines that went and came, without those that only moved or were reworded. Pure.

Reads unified diffs and the shortened forms that tools send (a hunk header with a path or a
function, and lines with a sign). Anything else is context.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

MAX_DIFF_CHARS = 60_000
MAX_LINES = 400
# Patterns look at lines: their length bounds the time that any of them can take.
MAX_LINE_CHARS = 300
# Pairing compares each with each.
MAX_PAIRED = 60
MAX_TOKENS = 80
_COMMENT = re.compile(r"(?:^|\s)(?://|#(?!\{)|--\s|/\*|<!--|;;).*$|^\s*\*(?:\s.*)?$")
_TOKEN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|\d[\w.]*|\"[^\"]*\"|'[^']*'|`[^`]*`|[^\sA-Za-z0-9_]")
_SIMILAR = 0.55
_SHORT, _ALIKE_LETTERS = 60, 0.75
# The same name is given another value.
_ASSIGNED = re.compile(
    r"[\s\"'{-]*(?:const |var |let |final |static )*([A-Za-z_][\w.-]*)[\"']?\s*(?::=|=|:)(?!=)"
)
_SAME_NAME = 0.8


@dataclass(frozen=True)
class Line:
    """One line of a diff. sign: "-", "+" or " "."""

    sign: str
    text: str


@dataclass(frozen=True)
class Edit:
    """What a change does to the code.

    `pairs`: lines that were rewritten (old, new); `gone` and `came`: lines with no counterpart.
    `lines` are all of them in order, for what depends on the surroundings.
    """

    pairs: tuple[tuple[str, str], ...]
    gone: tuple[str, ...]
    came: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def old_text(self) -> str:
        """All that went."""
        return "\n".join([*(old for old, _ in self.pairs), *self.gone])

    @property
    def new_text(self) -> str:
        """All that came."""
        return "\n".join([*(new for _, new in self.pairs), *self.came])


def read_diff(text: str) -> Edit:
    """Read a diff of at most MAX_DIFF_CHARS; what is longer is cut."""
    lines = _lines(text[:MAX_DIFF_CHARS])[:MAX_LINES]
    gone = [bare for one in lines if one.sign == "-" and (bare := code_of(one.text))]
    came = [bare for one in lines if one.sign == "+" and (bare := code_of(one.text))]
    gone, came = _without_moved(gone, came)
    pairs, gone, came = _paired(gone, came)
    return Edit(tuple(pairs), tuple(gone), tuple(came), tuple(lines))


def tokens(code: str) -> list[str]:
    """Identifiers, numbers, quoted texts and single signs, in order."""
    return _TOKEN.findall(code)


def code_of(line: str) -> str:
    """The line without its comment and with single blanks."""
    return " ".join(_COMMENT.sub("", line).split())


def _lines(text: str) -> list[Line]:
    found = []
    for raw in text.split("\n"):
        if raw.startswith(("@@", "+++", "---", "diff ", "index ")):
            continue
        if raw[:1] in {"+", "-"}:
            found.append(Line(raw[0], raw[1:MAX_LINE_CHARS]))
        else:
            bare = raw[1:] if raw[:1] == " " else raw
            found.append(Line(" ", bare[:MAX_LINE_CHARS]))
    return found


def _without_moved(gone: list[str], came: list[str]) -> tuple[list[str], list[str]]:
    """Lines that went here and came there are the same code in another place."""
    kept = Counter(map(_loose, gone)) & Counter(map(_loose, came))
    return _less(gone, kept), _less(came, kept)


def _less(lines: Sequence[str], kept: Counter[str]) -> list[str]:
    left, found = Counter(kept), []
    for line in lines:
        key = _loose(line)
        if left[key]:
            left[key] -= 1
        else:
            found.append(line)
    return found


def _loose(line: str) -> str:
    return "".join(line.split()).rstrip(",;")


def _paired(
    gone: Sequence[str], came: Sequence[str]
) -> tuple[list[tuple[str, str]], list[str], list[str]]:
    """Match each line that went with the likest one that came, best matches first."""
    scored = []
    for i, old in enumerate(gone[:MAX_PAIRED]):
        for j, new in enumerate(came[:MAX_PAIRED]):
            likeness = _likeness(old, new)
            if likeness >= _SIMILAR:
                scored.append((-likeness, abs(i - j), i, j))
    taken_old: dict[int, int] = {}
    taken_new: set[int] = set()
    for _, _, i, j in sorted(scored):
        if i not in taken_old and j not in taken_new:
            taken_old[i] = j
            taken_new.add(j)
    pairs = [(gone[i], came[j]) for i, j in sorted(taken_old.items())]
    rest_old = [line for i, line in enumerate(gone) if i not in taken_old]
    rest_new = [line for j, line in enumerate(came) if j not in taken_new]
    return pairs, rest_old, rest_new


def _likeness(old: str, new: str) -> float:
    """0-1, by tokens; short lines by letters too, so that a respelling is seen as one."""
    parts = tokens(old)[:MAX_TOKENS], tokens(new)[:MAX_TOKENS]
    likeness = SequenceMatcher(None, *parts, autojunk=False).ratio()
    given = _ASSIGNED.match(old), _ASSIGNED.match(new)
    if given[0] and given[1] and given[0][1] == given[1][1]:
        return max(likeness, _SAME_NAME)
    if likeness < _SIMILAR and max(len(old), len(new)) <= _SHORT:
        letters = SequenceMatcher(None, old, new, autojunk=False).ratio()
        return letters if letters >= _ALIKE_LETTERS else likeness
    return likeness
