"""Card numbers of every brand and length, in every spelling a program gives them.

`cards()` covers all ranges of `collector.redaction.pan` at both ends, at each of their lengths;
`spellings()` writes one down with separators and through encodings. What the redactor is known to
miss stands in `known_misses()`: a test holds it to that, so that the list stays true.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from collector.redaction.pan import _RANGES
from tests.faults.secrets import luhn_closed

_GROUPS = {13: (4, 4, 4, 1), 14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4)}
_WIDE = {48 + digit: 0xFF10 + digit for digit in range(10)}
_ARABIC = {48 + digit: 0x0660 + digit for digit in range(10)}


@dataclass(frozen=True)
class Spelling:
    """How a number is written, and the text."""

    name: str
    text: str


def cards(rng: random.Random) -> list[str]:
    """Fresh valid numbers: each range of the redactor, first and last prefix, every length."""
    found = []
    for first, last, lengths in _RANGES:
        for prefix in {str(first), str(last)}:
            for size in sorted(lengths):
                filler = "".join(rng.choices("0123456789", k=size - len(prefix) - 1))
                found.append(luhn_closed(prefix + filler))
    return found


def grouped(card: str, separator: str) -> str:
    """The digits in the groups in which a card of this length is printed."""
    sizes = _GROUPS.get(len(card), (4, 4, 4, 4, len(card) - 16))
    groups, at = [], 0
    for size in sizes:
        groups.append(card[at : at + size])
        at += size
    return separator.join(groups)


def spellings(card: str) -> Iterator[Spelling]:
    """The number in texts: separators x encodings x what stands around it."""
    yield Spelling("plain", card)
    yield Spelling("sentence", f"declined card {card}, try another")
    for name, separator in SEPARATORS.items():
        yield Spelling(name, f"no. {grouped(card, separator)}.")
    yield Spelling("each digit", " ".join(card))
    yield Spelling("query", f"https://shop.example/pay?state=1&n={card}&x=1")
    yield Spelling("query, spaced", f"/pay?n={quote(grouped(card, ' '))}&x=1")
    yield Spelling("query, plus", f"/pay?n={grouped(card, '+')}&x=1")
    yield Spelling("path", f"/cards/{card}/charge")
    yield Spelling("percent", "".join(f"%{ord(char):02X}" for char in card))
    yield Spelling("percent twice", "".join(f"%25{ord(char):02X}" for char in card))
    yield Spelling("json", json.dumps({"number": card, "n": 1}))
    yield Spelling("json in json", json.dumps(json.dumps({"number": card})))
    yield Spelling("escaped", "".join(f"\\u{ord(char):04x}" for char in card))
    yield Spelling("full width", card.translate(_WIDE))
    yield Spelling("other digits", card.translate(_ARABIC))
    yield Spelling("exception", f"CardError: number={card} is invalid\n  at pay(pay.js:7)")


SEPARATORS = {
    "spaces": " ",
    "dashes": "-",
    "en dashes": "\u2013",
    "no-break spaces": "\u00a0",
    "thin spaces": "\u2009",
    "without width": "\u200b",
}


def known_misses(card: str) -> Iterator[Spelling]:
    """Spellings that are not seen, each for a reason that README and redactor give."""
    yield Spelling("glued to letters before", f"order{card}")
    yield Spelling("glued to letters behind", f"{card}abc")
    yield Spelling("behind a decimal point", f"0.{card}")
    yield Spelling("points between groups", grouped(card, "."))
    yield Spelling("two spaces between groups", grouped(card, "  "))


def parts_of(card: str) -> tuple[str, ...]:
    """What to look for: the number in all its spellings, and all of it but the last four."""
    head = card[:-4]
    found = {card, head, card.translate(_WIDE), card.translate(_ARABIC), " ".join(card)}
    found |= {grouped(card, separator) for separator in SEPARATORS.values()}
    return tuple(sorted(found))
