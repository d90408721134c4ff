r"""Finding card numbers (PANs) in text: boundary + issuer range + length + Luhn.

Issuer ranges after ISO/IEC 7812 and the card schemes' public BIN tables. A bare `\\d{13,19}` with
Luhn would hit one in ten epoch-nanosecond timestamps; no card range begins with 1 in use today
(UATP does, and is left out for that reason). Epoch timestamps begin with 1 until 2033 and reach
the first card range (Mir, 2200) in September 2039.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# (first prefix, last prefix, lengths): prefixes compare as numbers of their own width.
_RANGES: tuple[tuple[int, int, frozenset[int]], ...] = (
    (4, 4, frozenset({13, 16, 19})),  # Visa
    (51, 55, frozenset({16})),  # Mastercard
    (2221, 2720, frozenset({16})),  # Mastercard
    (2200, 2204, frozenset(range(16, 20))),  # Mir
    (34, 34, frozenset({15})),  # American Express
    (37, 37, frozenset({15})),  # American Express
    (300, 305, frozenset(range(14, 20))),  # Diners Club
    (3095, 3095, frozenset(range(14, 20))),  # Diners Club
    (36, 36, frozenset(range(14, 20))),  # Diners Club
    (38, 39, frozenset(range(14, 20))),  # Diners Club
    (3528, 3589, frozenset(range(16, 20))),  # JCB
    (50, 50, frozenset(range(13, 20))),  # Maestro, Verve, Elo, Dankort
    (56, 58, frozenset(range(13, 20))),  # Maestro
    (60, 60, frozenset(range(16, 20))),  # Discover, RuPay, Hipercard
    (62, 62, frozenset(range(16, 20))),  # UnionPay
    (63, 63, frozenset(range(13, 20))),  # Maestro, InstaPayment, Elo
    (64, 65, frozenset(range(16, 20))),  # Discover, RuPay, Troy
    (67, 67, frozenset(range(13, 20))),  # Maestro
    (81, 82, frozenset(range(16, 20))),  # UnionPay, RuPay
    (9792, 9792, frozenset({16})),  # Troy
)
# How cards are printed: groups of these sizes are looked for inside longer runs of groups.
_GROUPINGS: tuple[tuple[int, ...], ...] = (
    (4, 4, 4, 4, 3),
    (4, 4, 4, 4, 2),
    (4, 4, 4, 4, 1),
    (4, 4, 4, 4),
    (4, 6, 5),
    (4, 6, 4),
    (4, 4, 5),
    (4, 4, 4, 1),
    (6, 13),
)
_RUN = re.compile(r"[0-9]+(?:[ +-][0-9]+)*")
_GROUP = re.compile(r"[0-9]+")
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
# Each digit doubled, and the digits of the result added: the second row of the Luhn sum.
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_pan(digits: str) -> bool:
    """True for 13-19 ASCII digits in a card range of that length whose Luhn sum fits."""
    size = len(digits)
    if not 13 <= size <= 19 or not _in_range(digits, size):
        return False
    values = [ord(char) - 48 for char in digits]
    total = sum(values[-1::-2]) + sum(_DOUBLED[value] for value in values[-2::-2])
    return total % 10 == 0 and len(set(digits)) > 1


def find_pans(text: str) -> list[tuple[int, int, str]]:
    """Card numbers in `text` as (start, end, digits), left to right, not overlapping. Linear."""
    found: list[tuple[int, int, str]] = []
    at = 0
    for uuid in _UUID.finditer(text):
        found.extend(_in_segment(text, at, uuid.start()))
        at = uuid.end()
    found.extend(_in_segment(text, at, len(text)))
    return found


def _in_range(digits: str, size: int) -> bool:
    for first, last, lengths in _RANGES:
        if size in lengths and first <= int(digits[: len(str(first))]) <= last:
            return True
    return False


def _in_segment(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    for run in _RUN.finditer(text, start, end):
        if run.end() - run.start() >= 13:
            yield from _in_run(text, run.start(), run.end())


def _in_run(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """A run is digit groups with single separators; letters beside it taint its outer groups."""
    groups = [match.span() for match in _GROUP.finditer(text, start, end)]
    if _tainted_left(text, start):
        groups = groups[1:]
    if groups and end < len(text) and text[end].isalnum():
        groups = groups[:-1]
    if not groups:
        return
    whole = _digits(text, groups)
    if is_pan(whole):
        yield groups[0][0], groups[-1][1], whole
        return
    index = 0
    while index < len(groups):
        taken = _group_match(text, groups, index)
        if taken:
            chosen = groups[index : index + taken]
            yield chosen[0][0], chosen[-1][1], _digits(text, chosen)
        index += taken or 1


def _tainted_left(text: str, start: int) -> bool:
    """A letter before, or the point of a decimal fraction."""
    if start == 0:
        return False
    before = text[start - 1]
    return before.isalnum() or (before == "." and start > 1 and text[start - 2].isdigit())


def _group_match(text: str, groups: list[tuple[int, int]], index: int) -> int:
    """How many groups from `index` on make a card number: 0 for none."""
    sizes = [end - start for start, end in groups[index : index + 5]]
    if 13 <= sizes[0] <= 19 and is_pan(_digits(text, groups[index : index + 1])):
        return 1
    for grouping in _GROUPINGS:
        count = len(grouping)
        if tuple(sizes[:count]) == grouping and is_pan(
            _digits(text, groups[index : index + count])
        ):
            return count
    return 0


def _digits(text: str, groups: list[tuple[int, int]]) -> str:
    return "".join(text[start:end] for start, end in groups)
