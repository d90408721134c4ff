"""What of the evidence a model may see: an allow-list of plain values; all free text as tokens.

Telemetry is written by strangers too (a user agent, a search term, a commit message), so text of
more than two plain words never leaves: the model sees `TEXT_1` and code puts the words back where
people read. Values that may be personal or secret (mail addresses, long digit runs, long opaque
strings) have no plain shape and become tokens as well. Nothing is deleted silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from triage.evidence.evidence import Evidence, EvidenceBundle, Number

MAX_PLAIN = 48
_PLAIN = re.compile(r"[A-Za-z0-9_.:/+-]+(?: [A-Za-z0-9_.:/+-]+)?\Z")
_DIGIT_RUN = re.compile(r"\d{9,}")
_OPAQUE = re.compile(r"[A-Za-z0-9+/_-]{25,}")
_URL = re.compile(r"://|www\.", re.IGNORECASE)
# Made by code from fixed words, never from telemetry.
_CODE_MADE = frozenset({"relation", "verdict", "odd", "q_value"})
_LEFT_OUT = re.compile(r"(?:trace_\d+|score|tested)\Z")


def is_plain(value: str) -> bool:
    """True for a short name of at most two words that carries no address, number run or secret."""
    return (
        len(value) <= MAX_PLAIN
        and _PLAIN.match(value) is not None
        and not _DIGIT_RUN.search(value)
        and not _OPAQUE.search(value)
        and not _URL.search(value)
    )


@dataclass
class Redacted:
    """The evidence table for the model, and the way back from tokens to words."""

    pieces: list[Evidence] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    def token(self, value: str) -> str:
        """The token that stands for this text, the same for the same text."""
        for token, known in self.words.items():
            if known == value:
                return token
        token = f"TEXT_{len(self.words) + 1}"
        self.words[token] = value
        return token

    def safe(self, value: str) -> str:
        """The value itself where it is plain, else its token."""
        return value if is_plain(value) else self.token(value)

    def restore(self, text: str) -> str:
        """Put the words back, quoted and short, highest number first (TEXT_12 before TEXT_1)."""
        for token in sorted(self.words, key=len, reverse=True):
            text = text.replace(token, f'"{" ".join(self.words[token].split())[:60]}"')
        return text

    def by_id(self, evidence_id: str) -> Evidence | None:
        """The redacted piece with this id."""
        return next((piece for piece in self.pieces if piece.id == evidence_id), None)


def redact(bundle: EvidenceBundle) -> Redacted:
    """The table that is sent; claims are checked against it, so a token is an entity like any."""
    found = Redacted()
    for piece in bundle.evidence:
        numbers = _numbers(piece.numbers, found)
        found.pieces.append(
            Evidence(
                id=piece.id,
                kind=piece.kind,
                summary="",
                numbers=numbers,
                query="",
                from_us=piece.from_us,
                to_us=piece.to_us,
                sha256=piece.sha256,
            )
        )
    return found


def _numbers(numbers: Mapping[str, Number], found: Redacted) -> dict[str, Number]:
    safe: dict[str, Number] = {}
    for name, value in numbers.items():
        if _LEFT_OUT.match(name):
            continue
        key = name if is_plain(name) else found.token(name)
        if not isinstance(value, str) or name in _CODE_MADE:
            safe[key] = value
        elif name in {"segment", "best"}:
            safe[key] = ", ".join(_part(part, found) for part in value.split(", "))
        elif value:
            safe[key] = found.safe(value)
    return safe


def _part(part: str, found: Redacted) -> str:
    name, equals, value = part.partition("=")
    if not equals:
        return found.safe(part)
    return f"{found.safe(name)}={found.safe(value)}"
