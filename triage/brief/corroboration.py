"""How sure code may be: above low only where two sources that nobody can write together agree.

Set by code alone. Spans, events, changes and logs come by different doors; whoever forges one of
them (a false critical path, a flood of events) has not forged the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from triage.brief.claims import Claim, Confidence
from triage.evidence.evidence import Evidence, EvidenceBundle, Verdict

# Both are counted from the shop's own events.
_SAME = {"events": "shop", "slo": "shop", "account": "shop"}
_OF_KIND = {
    "traces": "traces",
    "traces_of": "traces",
    "changes": "changes",
    "change": "changes",
    "change_of": "changes",
    "logs": "logs",
    "cause": "changes",
    "vendor": "changes",
    "onset": "logs",
    "blast_radius": "logs",
    "funnel": "shop",
}


def confidence_of(bundle: EvidenceBundle) -> Confidence:
    """High: the counts blame a slice, and traces or a blamed change agree; medium: the verdict
    stands on the counts and on changes that were looked at; low: all else.
    """
    blamed = any("segment" in piece.numbers for piece in bundle.of_kind("breakdown"))
    traces = any("error_service" in piece.numbers for piece in bundle.of_kind("traces"))
    guilty = any(piece.numbers.get("blamed") for piece in bundle.of_kind("change"))
    looked = any("verdict" in piece.numbers for piece in bundle.evidence)
    if not blamed or bundle.verdict is Verdict.CANNOT_TELL:
        return "low"
    if traces or guilty:
        return "high"
    return "medium" if looked else "low"


def sources_of(pieces: Iterable[Evidence]) -> set[str]:
    """The independent doors by which what these pieces say came in."""
    found = set()
    for piece in pieces:
        door = _OF_KIND.get(piece.kind) or piece.query.partition("(")[0].split(".")[-1]
        owner = piece.query.partition(".")[0]
        found.add(_SAME.get(owner, _SAME.get(door, door)))
    return found


def lowered(
    whole: Confidence, bundle: EvidenceBundle, claims: Sequence[Claim], dropped: int
) -> tuple[Confidence, str]:
    """The confidence of a model's claims and the rule that set it: never above the evidence's own.

    Low where the model was mostly wrong, or where all that it says stands on one source.
    """
    if dropped > len(claims):
        return "low", "more claims dropped than kept"
    cited = {one for claim in claims for one in claim.evidence_ids}
    sources = sources_of(piece for piece in bundle.evidence if piece.id in cited)
    if len(sources) < 2:
        return "low", "one source alone"
    return whole, f"evidence: {whole}"
