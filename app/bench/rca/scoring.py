"""Scores a judgement against the answer. A guess without evidence cannot gain anything. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.bench.rca.dataset import Answer
from triage.evidence.evidence import Evidence, Finding, mint

NOBODY = "none"  # no commit of ours
RIGHT, WITHIN_TWO, ABSTAINED, WRONG, DECOY = 1.0, 0.7, 0.2, 0.0, -0.5


@dataclass(frozen=True)
class Said:
    """What was said of one incident. `blamed`: a commit, NOBODY, or None where none stands apart.

    `candidates`: at most two, likeliest first. `evidence_ids`: what it stands on.
    """

    blamed: str | None
    candidates: tuple[str, ...]
    evidence_ids: tuple[str, ...]


def score(said: Said, answer: Answer, pieces: Sequence[Evidence]) -> float:
    """Right alone 1, right one of two 0.7, nothing said 0.2, wrong alone 0, a decoy alone -0.5.

    What stands on no piece of evidence that speaks of it gets 0 at most.
    """
    truth = answer.commit or NOBODY
    if said.blamed is not None:
        gained = RIGHT if said.blamed == truth else DECOY if said.blamed in answer.decoys else WRONG
    elif not said.candidates:
        return ABSTAINED
    else:
        gained = WITHIN_TWO if truth in said.candidates[:2] else WRONG
    return gained if is_grounded(said, pieces) else min(0.0, gained)


def is_grounded(said: Said, pieces: Sequence[Evidence]) -> bool:
    """Whether every id that is named exists unchanged, and the claim's own piece is among them."""
    known = {piece.id: piece for piece in pieces if _is_unchanged(piece)}
    if not said.evidence_ids or any(one not in known for one in said.evidence_ids):
        return False
    named = [known[one] for one in said.evidence_ids]
    claimed = (said.blamed,) if said.blamed is not None else said.candidates[:2]
    return all(any(_speaks_of(piece, one) for piece in named) for one in claimed)


def _is_unchanged(piece: Evidence) -> bool:
    content = Finding(
        piece.kind, piece.summary, piece.numbers, piece.query, piece.from_us, piece.to_us
    )
    return mint(piece.id, content).sha256 == piece.sha256


def _speaks_of(piece: Evidence, claimed: str) -> bool:
    if claimed == NOBODY:
        return bool(piece.numbers.get("outside"))
    return piece.numbers.get("ref") == claimed
