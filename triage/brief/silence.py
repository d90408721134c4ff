"""What an incident of missing attempts says: what stopped, since when, how many, what they cost."""

from __future__ import annotations

from kernel.money import format_money
from triage.brief.claims import Claim
from triage.evidence.evidence import Evidence, EvidenceBundle
from triage.evidence.findings import clock_time, percent
from triage.evidence.volume import ALERT_NAME

_STOPPED = 0.1


def missing_claims(bundle: EvidenceBundle, noun: str) -> list[Claim]:
    """Empty where no account of volume is at hand. `noun`: "Payments"."""
    return [claim for piece in bundle.of_kind("volume") for claim in _claims(piece, noun)]


def is_silence_only(bundle: EvidenceBundle) -> bool:
    """True where attempts are missing and no slice of those that came stands out by failing."""
    named = bundle.context.labels.get("alertname") == ALERT_NAME
    blamed = any("segment" in piece.numbers for piece in bundle.of_kind("breakdown"))
    return named and bool(bundle.of_kind("volume")) and not blamed


def _claims(piece: Evidence, noun: str) -> list[Claim]:
    n = piece.numbers
    where = f" from {n['source']}" if n["source"] else ""
    since, until = clock_time(int(n["onset_us"])), clock_time(int(n["until_us"]))
    share = float(n["begun_share"])
    if share <= _STOPPED:
        what = f"{noun}{where} have stopped arriving"
    else:
        what = f"{noun}{where} arrive at {percent(share)} of the usual rate"
    first = (
        f"{what}: {n['begun']} began from {since} to {until} UTC, about {n['expected_mid']} are "
        "usual."
    )
    second = (
        f"About {n['missing_mid']} are missing ({n['missing_low']} to {n['missing_high']})"
        f"{_worth(piece)}."
    )
    return [Claim(first, (piece.id,)), Claim(second, (piece.id,))]


def _worth(piece: Evidence) -> str:
    prefix = "worth_mid_minor_"
    found = [
        f"{format_money(int(value), currency)} "
        f"({format_money(int(piece.numbers[f'worth_low_minor_{currency}']), currency)} to "
        f"{format_money(int(piece.numbers[f'worth_high_minor_{currency}']), currency)})"
        for key, value in piece.numbers.items()
        if key.startswith(prefix) and int(value) > 0
        for currency in (key.removeprefix(prefix),)
    ]
    return f", worth about {' and '.join(found)}" if found else ""
