"""Checks every claim against the evidence it names. Pure; the last word is code's.

A sentence stands only if each evidence id exists, each number, time and amount equals a referenced
value within the rounding it is written with, each name that it speaks occurs in the referenced
evidence, and it holds no address and asks for nothing to be done (`fault_of`; sentences of code
keep this too). A model's claim must also bind each figure and name to the field it says
(`binding`), and tell it as what it is (`kinds`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from triage.brief import kinds
from triage.brief.binding import Unbound, bind
from triage.brief.claims import KINDS, Claim, DroppedClaim
from triage.brief.figures import unmatched_figure
from triage.brief.vocabulary import COMMON, COMPOUNDS, EVERYDAY, VENDORS
from triage.evidence.evidence import Evidence

MAX_CLAIM_CHARS = 320
MAX_IDS = 6

_ADDRESS = re.compile(
    r"://|www\.|\]\(|[<>`{}\\]|@|\b[a-z0-9-]+\.(?:com|net|org|io|dev|app|xyz|ru|cn|co|de|eu|ly|me)\b",
    re.IGNORECASE,
)
_ORDERS = re.compile(
    r"\b(?:approve[ds]?|execute[ds]?|install|download|click|visit|curl|wget|sudo|password|"
    r"credentials?|token|ignore|disregard|override|paste|run the|disable)\b",
    re.IGNORECASE,
)
_IN_WORDS = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?|half|thirds?|quarters?|"
    r"twice|thrice|doubled?|tripled?|tenfold|twofold|threefold)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_][\w./:+-]*", re.UNICODE)
_SENTENCE_END = re.compile(r"[.!?:]\s*$")


def check_claims(
    claims: Iterable[Claim], pieces: Sequence[Evidence], verdict: str
) -> tuple[tuple[Claim, ...], tuple[DroppedClaim, ...]]:
    """Split into the claims that stand and those that do not, with the reason."""
    kept: list[Claim] = []
    dropped: list[DroppedClaim] = []
    for claim in claims:
        reason = fault_of(claim, pieces) or lie_of(claim, pieces, verdict)
        if reason is None and any(claim.text == other.text for other in kept):
            reason = "said twice"
        if reason is None:
            kept.append(claim)
        else:
            dropped.append(DroppedClaim(claim, reason))
    return tuple(kept), tuple(dropped)


def lie_of(claim: Claim, pieces: Sequence[Evidence], verdict: str) -> str | None:
    """Why a model's claim is not what its references say; None where it is."""
    if claim.kind not in KINDS:
        return f"there is no kind {claim.kind[:20]!r}"
    if len(set(claim.evidence_ids)) != len(claim.evidence_ids):
        return "names evidence twice"
    known = {piece.id: piece for piece in pieces}
    try:
        kinds.check(claim, bind(claim, known), known, verdict)
    except Unbound as why:
        return str(why)
    return None


def fault_of(claim: Claim, pieces: Sequence[Evidence]) -> str | None:
    """Why the claim does not stand; None where it does."""
    text = claim.text
    if not text.strip() or len(text) > MAX_CLAIM_CHARS:
        return f"empty or longer than {MAX_CLAIM_CHARS} characters"
    if not text.isprintable():
        return "control characters or line breaks"
    if _ADDRESS.search(text):
        return "an address or markup"
    if not claim.evidence_ids or len(claim.evidence_ids) > MAX_IDS:
        return f"needs 1 to {MAX_IDS} evidence ids"
    known = {piece.id: piece for piece in pieces}
    unknown = [one for one in claim.evidence_ids if one not in known]
    if unknown:
        return f"unknown evidence id {unknown[0][:20]!r}"
    named = [known[one] for one in dict.fromkeys(claim.evidence_ids)]
    rest = _without_names(text, named)
    if word := _ORDERS.search(rest):
        return f"asks for something to be done: {word.group()!r}"
    if word := _IN_WORDS.search(rest):
        return f"a number in words: {word.group()!r}"
    rest, figure = unmatched_figure(rest, named)
    if figure is not None:
        return f"{figure!r} is not in the evidence it names"
    if (name := _foreign_name(rest, named, pieces)) is not None:
        return f"{name[:40]!r} is not in the evidence it names"
    return None


def _without_names(text: str, pieces: Sequence[Evidence]) -> str:
    """The text less all names of the referenced evidence, so that `2.1.0` is no figure."""
    names = {value for piece in pieces for value in _names(piece)} | {piece.id for piece in pieces}
    for name in sorted(names, key=lambda one: (-len(one), one)):
        pattern = rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)"
        text = re.sub(pattern, "_", text, flags=re.IGNORECASE)
    return text


def _names(piece: Evidence) -> set[str]:
    found: set[str] = set()
    for key, value in piece.numbers.items():
        if not isinstance(value, str) or not value:
            continue
        found.add(value)
        if key in {"segment", "best"}:
            for part in value.split(", "):
                found.add(part)
                found.update(word for word in part.split("=", 1) if word)
    return {name for name in found if len(name) > 1 and not name.isdigit()}


def _foreign_name(rest: str, named: Sequence[Evidence], pieces: Sequence[Evidence]) -> str | None:
    """A name that the referenced evidence does not hold: known elsewhere, or shaped like one."""
    elsewhere = {
        name.casefold()
        for piece in pieces
        if piece not in named
        for name in _names(piece)
        if " " not in name
    }
    for match in _WORD.finditer(rest):
        word = match.group().rstrip(".:/+-")
        folded = word.casefold()
        if word in EVERYDAY or not word:
            continue
        if folded in VENDORS or (folded in elsewhere and folded not in COMMON):
            return word
        if any(letter.isnumeric() for letter in word):
            return word
        if re.search(r"[_./:+-]", word) and folded not in COMPOUNDS:
            return word
        if not word.isascii():
            return word
        starts = match.start() == 0 or _SENTENCE_END.search(rest[: match.start()])
        if any(letter.isupper() for letter in word[1 if starts else 0 :]):
            return word
    return None
