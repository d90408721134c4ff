"""Checks every claim of a model against the evidence it names. Pure; the last word is code's.

A claim stands only if each evidence id exists, each number, time and amount equals a referenced
value within the rounding it is written with, each name that it speaks occurs in the referenced
evidence, and it holds no address and asks for nothing to be done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kernel import strict_json
from kernel.errors import BadInput
from triage.brief.claims import Claim, DroppedClaim
from triage.brief.figures import unmatched_figure
from triage.brief.vocabulary import COMMON, COMPOUNDS, EVERYDAY, VENDORS
from triage.evidence.evidence import Evidence

MAX_CLAIMS = 8
MAX_CLAIM_CHARS = 320
MAX_IDS = 6
MAX_ANSWER_BYTES = 32_768

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


@dataclass(frozen=True)
class Answer:
    """A model's answer whose form is right; nothing in it is believed yet."""

    claims: tuple[Claim, ...]
    runbook_id: str = ""
    step_id: str = ""


def parse_answer(text: str) -> Answer:
    """Read the JSON that was asked for. Raises BadInput for anything else, extra keys included."""
    if len(text.encode()) > MAX_ANSWER_BYTES:
        raise BadInput("the answer is too long")
    value = strict_json.loads(text, max_depth=6)
    body = _object(value, {"claims", "suggestion"}, "$")
    raw_claims = body["claims"]
    if not isinstance(raw_claims, list) or len(raw_claims) > MAX_CLAIMS:
        raise BadInput(f"claims must be a list of at most {MAX_CLAIMS}", path="$.claims")
    claims = tuple(_claim(one, f"$.claims[{n}]") for n, one in enumerate(raw_claims))
    if body["suggestion"] is None:
        return Answer(claims)
    suggestion = _object(body["suggestion"], {"runbook_id", "step_id"}, "$.suggestion")
    runbook_id, step_id = suggestion["runbook_id"], suggestion["step_id"]
    if not isinstance(runbook_id, str) or not isinstance(step_id, str):
        raise BadInput("a suggestion names a runbook and a step", path="$.suggestion")
    return Answer(claims, runbook_id, step_id)


def _claim(value: Any, path: str) -> Claim:
    body = _object(value, {"text", "evidence_ids"}, path)
    text, ids = body["text"], body["evidence_ids"]
    if not isinstance(text, str):
        raise BadInput("text must be a string", path=f"{path}.text")
    if not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
        raise BadInput("evidence_ids must be strings", path=f"{path}.evidence_ids")
    return Claim(text, tuple(ids))


def _object(value: Any, keys: set[str], path: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != keys:
        raise BadInput(f"must be an object with exactly {', '.join(sorted(keys))}", path=path)
    return value


def check_claims(
    claims: Iterable[Claim], pieces: Sequence[Evidence]
) -> tuple[tuple[Claim, ...], tuple[DroppedClaim, ...]]:
    """Split into the claims that stand and those that do not, with the reason."""
    kept: list[Claim] = []
    dropped: list[DroppedClaim] = []
    for claim in claims:
        reason = fault_of(claim, pieces)
        if reason is None and any(claim.text == other.text for other in kept):
            reason = "said twice"
        if reason is None:
            kept.append(claim)
        else:
            dropped.append(DroppedClaim(claim, reason))
    return tuple(kept), tuple(dropped)


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
