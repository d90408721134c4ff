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
from enum import Enum
from functools import lru_cache
from typing import Any, Final

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


Pattern = tuple[bytes, int]
_DOTALL: Final = hyperscan.HS_FLAG_DOTALL
_CASELESS: Final = hyperscan.HS_FLAG_CASELESS | _DOTALL
# How the ranges of `pan` begin.
_CARD = rb"(?:4|5|2[2-7]|3|6|8[12]|9792)"
_DIGITS_MIN = 13
# Digits with one separator or more between them; the look around decides whether they are enough.
_SPACED = re.compile(rb"[0-9](?:[ +\-]?[0-9]){%d}" % (_DIGITS_MIN - 1))
_LOOK_AROUND = 48
# A field's tag and its length may look like a letter or a digit before the text begins.
_TAGS = rb"[\x0a\x12\x1a\x22\x2a\x3a\x4a\x52\x62]"
# Digits in one piece. No letter touches a card number but a track's D; in protobuf one seems to.
_IN_ONE_PIECE = {
    Form.TEXT: rb"(?:^|[^0-9A-Za-z])%s[0-9]{9,18}(?:[^0-9A-Za-z]|D[0-9]|$)" % _CARD,
    Form.PROTOBUF: rb"(?:^|[^0-9A-Za-z]|%s[0-9A-Za-z])%s[0-9]{9}" % (_TAGS, _CARD),
    Form.JSON: rb"(?:^|[^0-9A-Za-z]|\\[nrtbf])%s[0-9]{9,18}(?:[^0-9A-Za-z]|D[0-9]|$)" % _CARD,
}
_SPACED_AT = (
    rb"[0-9][ +\-][0-9]{1,17}[ +\-][0-9]",
    rb"[0-9]{7}[ +\-][0-9]",
    rb"[0-9][ +\-][0-9]{7}",
)
# AnyValue.int_value of twelve digits and more (negative ones take ten bytes), and double_value.
_NUMBERS = (
    rb"\x18[\x80-\xff]{5,9}[\x01-\x7f]",
    rb"\x21.{6}(?:[\x6d-\xff][\x42\xc2]|[\x00-\xe1][\x43\xc3])",
)
# A number of JSON with an exponent: it ends where no string could.
_EXPONENT = rb"[0-9]e\+?[0-9]{1,3}(?:[,}\]\s]|$)"
_MARKS = (rb"\\u[0-9a-f]{4}", rb"%[0-9a-f]{2}", rb"@[a-z0-9_\-\x80-\xff]{1,63}\.")


class Sieve:
    """Compiled once for each form; threads may share it."""

    def __init__(self, form: Form) -> None:
        self._groups = [_Group(group) for group in _groups(form)]

    def places(self, data: bytes, masked: bytes | None = None) -> list[int]:
        """Where something may have to be judged: indices of its last bytes, in no order.

        `masked`: the same with zeros in the place of random bytes, in which short patterns are
        seen everywhere.
        """
        *long, short = self._groups
        found: list[int] = []
        for group in long:
            found += group.places(data)
        return found + short.places(data if masked is None else masked)

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
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        self._database.compile(
            expressions=[expression for expression, _ in patterns],
            ids=list(range(len(patterns))),
            elements=len(patterns),
            flags=[flags for _, flags in patterns],
        )
        self._spaced = {
            place for place, (expression, _) in enumerate(patterns) if expression in _SPACED_AT
        }
        self._threads = threading.local()

    def places(self, data: bytes) -> list[int]:
        hits: list[tuple[int, int]] = []

        def on_match(pattern: int, _start: int, end: int, _flags: int, _context: Any) -> None:
            hits.append((pattern, end))

        self._database.scan(data, match_event_handler=on_match, scratch=self._scratch())
        if not hits:
            return []
        return [
            end - 1 for pattern, end in hits if pattern not in self._spaced or _is_long(data, end)
        ]

    def _scratch(self) -> hyperscan.Scratch:
        scratch = getattr(self._threads, "scratch", None)
        if scratch is None:
            scratch = self._threads.scratch = hyperscan.Scratch(self._database)
        return scratch


def _is_long(data: bytes, end: int) -> bool:
    around = data[max(0, end - _LOOK_AROUND) : end + _LOOK_AROUND]
    return _SPACED.search(around) is not None


def _groups(form: Form) -> list[list[Pattern]]:
    digits: list[Pattern] = [
        (_IN_ONE_PIECE[form], _DOTALL),
        *((expression, _DOTALL) for expression in _SPACED_AT),
        (IBAN.encode(), _DOTALL),
    ]
    words: list[Pattern] = [(sign.encode(), _CASELESS) for sign in secret_kinds.SIGNS]
    words += [(sign.encode(), _DOTALL) for sign in secret_kinds.TOKEN_SIGNS]
    marks: list[Pattern] = [(one, _CASELESS) for one in _MARKS]
    marks += [(one, _DOTALL) for one in FOLDING]
    if form is Form.TEXT:
        return [[*digits, *words, *marks, (SUSPICIOUS[0], _CASELESS)]]
    words += [(one, _CASELESS) for one in SUSPICIOUS]
    words += [(_whole_word(word), _DOTALL) for word in SUSPICIOUS_WORDS]
    if form is Form.PROTOBUF:
        return [digits, words, marks + [(one, _DOTALL) for one in _NUMBERS]]
    return [digits, words, [*marks, (_EXPONENT, _CASELESS)]]


def _whole_word(word: str) -> bytes:
    """The word as `keys` splits words: at what is no letter, and before a capital in camel case."""
    first, rest = word[0], word[1:]
    letters = "".join(f"[{char}{char.upper()}]" if char.isalpha() else char for char in rest)
    before = rb"(?:^|[^A-Za-z]|\x0a[A-Za-z]|\\[nrtbf])"
    start = rb"(?:%s%s|%s)" % (before, first.encode(), first.upper().encode())
    return start + letters.encode() + rb"(?:[^a-z]|$)"
