"""The deterministic brief: shop words made from evidence numbers alone, so it can be made again.

Every sentence is a claim with the ids of the evidence it stands on, under the same rules that the
model's claims are checked by.
"""

from __future__ import annotations

from collections.abc import Mapping

from kernel.money import format_money
from triage.brief.claims import Brief, Claim, Confidence
from triage.brief.corroboration import confidence_of
from triage.brief.silence import is_silence_only, missing_claims
from triage.evidence.causes.findings import KIND_CAUSE, KIND_RADIUS, KIND_VENDOR
from triage.evidence.evidence import Evidence, EvidenceBundle, Number, Verdict
from triage.evidence.findings import clock_time, percent
from triage.model.outcome import Answered, ModelOutcome

_THROUGH = {
    "provider": "through {}",
    "region": "in {}",
    "country": "in {}",
    "method": "by {}",
    "channel": "from {}",
    "release": "on release {}",
    "step": "at step {}",
    "currency": "in {}",
}
_MAX_CHANGES = 2


def compose(bundle: EvidenceBundle) -> Brief:
    """The brief that code can stand behind without a model."""
    claims = missing_claims(bundle, subject_of(bundle)[0])
    if not is_silence_only(bundle):
        claims += [*_what(bundle), *_cost(bundle), *_how(bundle), *_where(bundle)]
    claims += [*_funnel(bundle), *_radius(bundle)]
    claims += _why(bundle)
    return _brief(bundle, tuple(claims), "code", confidence_of(bundle))


def with_model(brief: Brief, bundle: EvidenceBundle, outcome: ModelOutcome) -> Brief:
    """The model's surviving claims under code's headline; any other outcome changes nothing."""
    if not isinstance(outcome, Answered):
        return brief
    said = {claim.text for claim in brief.claims}
    added = tuple(claim for claim in outcome.claims if claim.text not in said)
    return _brief(bundle, (*brief.claims, *added), "model", outcome.confidence)


def _brief(
    bundle: EvidenceBundle, claims: tuple[Claim, ...], source: str, confidence: Confidence
) -> Brief:
    sentences = [claim.text for claim in claims]
    if not sentences:
        since = clock_time(bundle.context.onset_us)
        sentences = [f"{bundle.context.title} since {since} UTC; no figures are at hand."]
    if bundle.missing_sources:
        sentences.append(f"Could not be asked: {', '.join(bundle.missing_sources)}.")
    return Brief(
        headline=sentences[0],
        text=" ".join(sentences),
        source="model" if source == "model" else "code",
        claims=claims,
        missing_sources=bundle.missing_sources,
        verdict=str(bundle.verdict),
        confidence=confidence,
    )


def subject_of(bundle: EvidenceBundle) -> tuple[str, str]:
    """What the units are called and what happens to them: ("Payments", "fail")."""
    unit, judged_by = bundle.context.rule.unit, bundle.context.rule.judged_by
    for piece in bundle.of_kind("traffic"):
        unit = str(piece.numbers.get("unit", unit))
        judged_by = str(piece.numbers.get("judged_by", judged_by))
    return f"{unit.capitalize()}s", "are too slow" if judged_by == "latency" else "fail"


def title_of(bundle: EvidenceBundle) -> str:
    """The incident in one line, from the counts: "" while they do not point at a slice."""
    noun, verb = subject_of(bundle)
    for piece in bundle.of_kind("breakdown"):
        if "segment" in piece.numbers:
            return f"{noun} {segment_words(piece.numbers)} {verb}"
    return ""


def segment_words(numbers: Mapping[str, Number]) -> str:
    """`through adyen in eu-central`, from the parts that the segment names."""
    words = []
    for part in str(numbers["segment"]).split(", "):
        name, _, value = part.partition("=")
        form = _THROUGH.get(name, f"with {name.removeprefix('attributes.')} {{}}")
        words.append(form.format(value))
    return " ".join(words)


def _what(bundle: EvidenceBundle) -> list[Claim]:
    noun, verb = subject_of(bundle)
    for piece in bundle.of_kind("breakdown"):
        if "segment" in piece.numbers:
            return _what_slice(piece, noun, verb)
    for piece in bundle.of_kind("traffic"):
        n = piece.numbers
        text = (
            f"{noun} {verb}: {n['bad']} of {n['total']} attempts since "
            f"{clock_time(int(n['onset_us']))} UTC ({_share(n['share'])}), before that "
            f"{_share(n['share_before'])}. No provider, region or other field stands out."
        )
        return [Claim(text, (piece.id,))]
    for piece in bundle.of_kind("impact"):
        n = piece.numbers
        since = clock_time(int(n["from_us"]))
        text = f"{noun} {verb}: {n['bad']} of {n['total']} attempts since {since} UTC."
        return [Claim(text, (piece.id,))]
    return []


def _what_slice(piece: Evidence, noun: str, verb: str) -> list[Claim]:
    n = piece.numbers
    since = clock_time(int(n["onset_us"]))
    first = (
        f"{noun} {segment_words(n)} {verb}: {n['bad_in']} of {n['total_in']} attempts since "
        f"{since} UTC ({_share(n['share_in'])})."
    )
    if n["total_out"]:
        rest = f"Elsewhere {_share(n['share_out'])} {verb}"
        elsewhere = f"{rest} ({n['bad_out']} of {n['total_out']})."
        return [Claim(first, (piece.id,)), Claim(elsewhere, (piece.id,))]
    return [Claim(first, (piece.id,))]


def _cost(bundle: EvidenceBundle) -> list[Claim]:
    for piece in bundle.of_kind("impact"):
        prefix = "lost_per_min_minor_"
        rates = [
            (key.removeprefix(prefix), int(value))
            for key, value in piece.numbers.items()
            if key.startswith(prefix) and int(value) > 0
        ]
        if not rates:
            continue
        per_min = " and ".join(format_money(minor, currency) for currency, minor in rates)
        whole = " and ".join(
            format_money(int(piece.numbers[f"lost_minor_{currency}"]), currency)
            for currency, _ in rates
        )
        text = f"About {per_min} per minute is not being taken, {whole} so far."
        return [Claim(text, (piece.id,))]
    return []


def _how(bundle: EvidenceBundle) -> list[Claim]:
    return [
        claim for piece in bundle.of_kind("failure_modes") if (claim := _ends(piece)) is not None
    ]


def _ends(piece: Evidence) -> Claim | None:
    n = piece.numbers
    name = next((one for one in ("error_type", "decline_code", "decline_class") if one in n), "")
    if not name:
        return None
    ends = f"{n[name]} ({n[f'{name}_count']} of {n['bad']})"
    if f"{name}_2" in n:
        ends += f" and {n[f'{name}_2']} ({n[f'{name}_2_count']})"
    return Claim(f"They end with {name.replace('_', ' ')} {ends}.", (piece.id,))


def _where(bundle: EvidenceBundle) -> list[Claim]:
    for piece in bundle.of_kind("traces"):
        n = piece.numbers
        if "error_service" in n:
            where = f"{n['error_service']} {n['error_operation']}"
            text = f"{n['error_traces']} of {n['failing']} failing traces break in {where}"
            if n["healthy"]:
                text += f" (median {n['failing_ms']:.0f} ms, healthy ones {n['healthy_ms']:.0f} ms)"
            return [Claim(f"{text}.", (piece.id,))]
    return []


def _funnel(bundle: EvidenceBundle) -> list[Claim]:
    """At which step of the way they are lost."""
    found = []
    for piece in bundle.of_kind("funnel"):
        n = piece.numbers
        shares = f"({_share(n['share'])}, {_share(n['share_before'])} before)"
        text = (
            f"Of {n['reached']} checkouts that reached {n['stage']} {n['went_on']} went on to"
            f" {n['following']} {shares}."
        )
        found.append(Claim(text, (piece.id,)))
    return found


def _radius(bundle: EvidenceBundle) -> list[Claim]:
    """Who fails with it."""
    for piece in bundle.of_kind(KIND_RADIUS):
        n = piece.numbers
        others = [str(n[f"service_{place}"]) for place in range(2, int(n["services"]) + 1)]
        return [Claim(f"With {n['centre']} fail {', '.join(others)}.", (piece.id,))]
    return []


def _why(bundle: EvidenceBundle) -> list[Claim]:
    pieces = bundle.of_kind("changes")
    if not pieces:
        return []
    verdict_piece = pieces[0]
    claims = [
        claim
        for piece in bundle.of_kind("change")[:_MAX_CHANGES]
        if (claim := _change(piece, bundle)) is not None
    ]
    match bundle.verdict:
        case Verdict.NOT_A_CHANGE_OF_OURS:
            text = "No change of ours explains this."
        case Verdict.CHANGE_OF_OURS:
            text = "A change of ours is the likely cause."
        case _:
            text = "Whether a change of ours caused this cannot be told."
    return [*claims, *_causes(bundle), *_vendors(bundle), Claim(text, (verdict_piece.id,))]


def _causes(bundle: EvidenceBundle) -> list[Claim]:
    """The likeliest cause, or the two that are left, as logs, metrics and diffs speak for them."""
    pieces = bundle.of_kind(KIND_CAUSE)
    start = "Points to" if len(pieces) == 1 else "May be"
    return [Claim(f"{start} {_cause(piece)}.", (piece.id,)) for piece in pieces]


def _cause(piece: Evidence) -> str:
    n = piece.numbers
    if n.get("outside"):
        return f"something outside of our changes ({n['outside']}): {n['why']}"
    where = (
        f" in {n['service']} since {clock_time(int(n['deployed_us']))} UTC"
        if "service" in n
        else ""
    )
    return f"{n['text'] or n['ref']}{where}: {n['why']}"


def _vendors(bundle: EvidenceBundle) -> list[Claim]:
    return [
        Claim(
            f"{piece.numbers['vendor']} says so itself: {piece.numbers['text']}, since"
            f" {clock_time(int(piece.numbers['begun_us']))} UTC.",
            (piece.id,),
        )
        for piece in bundle.of_kind(KIND_VENDOR)[:1]
    ]


def _change(piece: Evidence, bundle: EvidenceBundle) -> Claim | None:
    n = piece.numbers
    before_s = int(n["before_s"])
    if before_s < 0:
        return None
    what = " ".join(str(word) for word in (n["service"], n["version"]) if word)
    noun, verb = subject_of(bundle)
    start = f"A {n['kind']} of {what} came {before_s} s before"
    if n["blamed"]:
        return Claim(f"{start}: the likely cause.", (piece.id,))
    for other in bundle.of_kind("breakdown"):
        if n["relation"] == "unrelated" and _healthy_elsewhere(other):
            rest = f"{noun.lower()} elsewhere stayed healthy after it"
            share = f"({_share(other.numbers['share_out'])} {verb})"
            return Claim(
                f"{start}, but {rest} {share}: probably not the cause.", (piece.id, other.id)
            )
    return Claim(f"{start}; whether it is the cause cannot be told.", (piece.id,))


def _healthy_elsewhere(breakdown: Evidence) -> bool:
    """True where the traffic beyond the blamed slice fails at most a fifth as often."""
    n = breakdown.numbers
    if not n.get("total_out"):
        return False
    return float(n["share_out"]) <= 0.2 * float(n["share_in"])


def _share(value: Number) -> str:
    return percent(float(value))
