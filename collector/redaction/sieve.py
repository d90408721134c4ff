r"""One quick look at bytes that tells where redaction might have anything to do.

The sieve errs on one side only: what the redactor would change, it points at; what it points at,
the redactor looks at closely. So a body in which it finds nothing may be stored as it came: all
texts, keys and numbers in it are as they may be stored. That law is a test.

It works on texts, and on whole bodies: protobuf, where texts stand between tags and lengths, and
JSON, where they stand as they are or behind escapes (which are pointed at). The patterns run in
Hyperscan, all of a group in one pass; three groups are quicker than one, as their automata differ.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, Final, NamedTuple

import hyperscan

from collector.redaction import secret_kinds
from collector.redaction.iban import SIGN as IBAN
from collector.redaction.keys import SUSPICIOUS, SUSPICIOUS_WORDS
from collector.redaction.lookalikes import FOLDING


class Form(Enum):
    """What the bytes are: one text, a protobuf message, or a JSON document."""

    TEXT = "text"
    PROTOBUF = "protobuf"
    JSON = "json"


@dataclass(frozen=True)
class Pattern:
    """`widest`: bytes of its longest match, 0 for no bound; `sure`: a look around the hit.

    `behind`: bytes at its end that only show that it ends: they may belong to somebody else.
    """

    expression: bytes
    flags: int
    widest: int = 0
    sure: re.Pattern[bytes] | None = None
    behind: int = 0


class Place(NamedTuple):
    """Something may have to be judged: it ends with byte `last` and begins at `first` or later."""

    first: int
    last: int


_DOTALL: Final = hyperscan.HS_FLAG_DOTALL
_CASELESS: Final = hyperscan.HS_FLAG_CASELESS | _DOTALL
# How the ranges of `pan` begin.
_CARD = rb"(?:4|5|2[2-7]|3|6|8[12]|9792)"
_DIGITS_MIN = 13
# Digits with one separator or more between them; the look around decides whether they are enough.
_SPACED = re.compile(rb"[0-9](?:[ +\-]?[0-9]){%d}" % (_DIGITS_MIN - 1))
_LOOK_AROUND = 48
# Before a text of protobuf stand its tag (some are the letters J, R and b) and its length: the last
# byte of a length may look like a letter or a digit, also one of several bytes.
_LENGTH = rb"[^0-9A-Za-z][0-9A-Za-z]|[JRb][0-9A-Za-z]"
# Digits in one piece. No letter touches a card number but a track's D; in protobuf one seems to.
_ALONE = rb"(?:^|[^0-9A-Za-z]%s)%s[0-9]{9,18}(?:[^0-9A-Za-z]|D[0-9]|$)"
_BEHIND_A_TAG = re.compile(rb"(?:^|[^0-9A-Za-z]|%s)%s[0-9]{9}" % (_LENGTH, _CARD), re.DOTALL)
_IN_ONE_PIECE = {
    Form.TEXT: Pattern(_ALONE % (b"", _CARD), _DOTALL),
    # Long runs of digits are rare between tags, so that the quicker look finds few.
    Form.PROTOBUF: Pattern(rb"[0-9]{%d}" % _DIGITS_MIN, _DOTALL, sure=_BEHIND_A_TAG),
    Form.JSON: Pattern(_ALONE % (rb"|\\[nrtbf]", _CARD), _DOTALL),
}
_SPACED_AT = tuple(
    Pattern(expression, _DOTALL, sure=_SPACED)
    for expression in (
        rb"[0-9][ +\-][0-9]{1,17}[ +\-][0-9]",
        rb"[0-9]{7}[ +\-][0-9]",
        rb"[0-9][ +\-][0-9]{7}",
    )
)
# AnyValue.int_value of twelve digits and more (negative ones take ten bytes), and double_value.
# Tags and integers may be written with more bytes than they need: the bits above are zero.
_PADDED = rb"[\x80-\xff]{0,3}[\x00-\x7f]"
_NUMBERS = (
    Pattern(rb"(?:\x18|\x98%s)[\x80-\xff]{5,9}[\x00-\x7f]" % _PADDED, _DOTALL, 15),
    Pattern(
        rb"(?:\x21|\xa1%s).{6}(?:[\x6d-\xff][\x42\xc2]|[\x00-\xe1][\x43\xc3])" % _PADDED,
        _DOTALL,
        13,
    ),
)
# A number of JSON with an exponent: it ends where no string could.
_EXPONENT = Pattern(rb"[0-9]e\+?[0-9]{1,3}(?:[,}\]\s]|$)", _CASELESS)
_MARKS = (
    Pattern(rb"\\u[0-9a-f]{4}", _CASELESS, 6),
    Pattern(rb"%[0-9a-f]{2}", _CASELESS, 3),
    Pattern(rb"@[a-z0-9_\-\x80-\xff]{1,63}\.", _CASELESS, 65),
    *(Pattern(one, _DOTALL, 4) for one in FOLDING),
)


class Sieve:
    """Compiled once for each form; threads may share it."""

    def __init__(self, form: Form) -> None:
        self._groups = [_Group(group) for group in _groups(form)]

    def places(self, data: bytes) -> list[Place]:
        """Where something may have to be judged, in no order."""
        found: list[Place] = []
        for group in self._groups:
            found += group.places(data)
        return found

    def is_clean(self, data: bytes) -> bool:
        """True only where redaction would change nothing."""
        return not any(group.places(data) for group in self._groups)


@lru_cache(maxsize=len(Form))
def sieve_for(form: Form) -> Sieve:
    """The sieve of a form; compiling takes some tenths of a second, once."""
    return Sieve(form)


class _Group:
    """Patterns that run in one pass. Each thread has scratch space of its own."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self._patterns = patterns
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[one.expression for one in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[one.flags for one in patterns],
        )
        self._threads = threading.local()

    def places(self, data: bytes) -> list[Place]:
        hits: list[tuple[int, int]] = []

        def on_match(pattern: int, _start: int, end: int, _flags: int, _context: Any) -> None:
            hits.append((pattern, end))

        self._database.scan(data, match_event_handler=on_match, scratch=self._scratch())
        return [place for hit in hits if (place := self._place(data, *hit))] if hits else []

    def _place(self, data: bytes, number: int, end: int) -> Place | None:
        pattern = self._patterns[number]
        if pattern.sure is not None:
            around = data[max(0, end - _LOOK_AROUND) : end + _LOOK_AROUND]
            if pattern.sure.search(around) is None:
                return None
        first = end - pattern.widest if pattern.widest else 0
        return Place(first, end - 1 - pattern.behind)

    def _scratch(self) -> hyperscan.Scratch:
        scratch = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = hyperscan.Scratch(self._database)
        return scratch


def _groups(form: Form) -> list[list[Pattern]]:
    digits = [_IN_ONE_PIECE[form], *_SPACED_AT, Pattern(IBAN.encode(), _DOTALL)]
    words = [Pattern(sign.encode(), _CASELESS) for sign in secret_kinds.SIGNS]
    words += [Pattern(sign.encode(), _DOTALL) for sign in secret_kinds.TOKEN_SIGNS]
    if form is Form.TEXT:
        return [[*digits, *words, *_MARKS, Pattern(SUSPICIOUS[0], _CASELESS)]]
    words += [Pattern(one, _CASELESS) for one in SUSPICIOUS]
    words += [Pattern(_whole_word(word), _DOTALL, behind=1) for word in SUSPICIOUS_WORDS]
    return [digits, words, [*_MARKS, *(_NUMBERS if form is Form.PROTOBUF else [_EXPONENT])]]


def _whole_word(word: str) -> bytes:
    """The word as `keys` splits words: at what is no letter, and before a capital in camel case.

    The last byte of a key's length may look like a letter.
    """
    first, rest = word[0], word[1:]
    letters = "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in rest)
    before = rb"(?:^|[^A-Za-z]|[\x00-\x0a\x80-\xff][A-Za-z]|\\[nrtbf])"
    start = rb"(?:%s%s|%s)" % (before, first.encode(), first.upper().encode())
    return start + letters.encode() + rb"(?:[^a-z]|$)"
