"""Evidence of any size, and true claims about it: what mutations start from."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from kernel.clock import SECOND_US, from_us
from triage.brief.claims import Claim, Ref
from triage.evidence.evidence import Evidence, Finding, mint

START_US = 1_795_010_530 * SECOND_US


@dataclass(frozen=True)
class Case:
    """Pieces, the verdict on them, and claims that are true of them."""

    pieces: tuple[Evidence, ...]
    verdict: str
    claims: tuple[Claim, ...]


def piece(evidence_id: str, kind: str, at_us: int = START_US, /, **numbers) -> Evidence:
    return mint(evidence_id, Finding(kind, "", numbers, "q", at_us, at_us + 90 * SECOND_US))


def claim(kind: str, text: str, *refs: tuple[str, str, str], ids: tuple[str, ...] = ()) -> Claim:
    made = tuple(Ref(*ref) for ref in refs)
    named = ids or tuple(dict.fromkeys(ref.evidence_id for ref in made))
    return Claim(text, named, kind, made)


def clock(at_us: int) -> str:
    return from_us(at_us).strftime("%H:%M:%S")


@st.composite
def cases(draw) -> Case:
    """Distinct counts, so that no two fields say the same by chance."""
    counts = st.integers(2, 90_000)
    bad_in, more, bad_out, most = draw(st.lists(counts, min_size=4, max_size=4, unique=True))
    total_in, total_out = bad_in + more, bad_out + most
    share_in = round(bad_in / total_in, 6)
    onset_us = START_US + draw(st.integers(0, 80_000)) * SECOND_US
    lost, rate = draw(st.lists(st.integers(100, 10**9), min_size=2, max_size=2, unique=True))
    before_s = draw(st.integers(1, 1500))
    verdict = draw(st.sampled_from(["change_of_ours", "not_a_change_of_ours", "cannot_tell"]))
    blamed = int(verdict == "change_of_ours")
    pieces = (
        piece(
            "E1",
            "breakdown",
            onset_us,
            onset_us=onset_us,
            segment="provider=adyen, region=eu-central",
            provider="adyen",
            region="eu-central",
            bad_in=bad_in,
            total_in=total_in,
            share_in=share_in,
            bad_out=bad_out,
            total_out=total_out,
            share_out=round(bad_out / total_out, 6),
        ),
        piece("E2", "impact", onset_us, lost_minor_EUR=lost, lost_per_min_minor_EUR=rate),
        piece("E3", "changes", onset_us, changes=1, blamed=blamed, verdict=verdict),
        piece(
            "E4",
            "change",
            onset_us,
            change_us=onset_us - before_s * SECOND_US,
            before_s=before_s,
            kind="deploy",
            service="SERVICE_1",
            version="VERSION_1",
            blamed=blamed,
        ),
        piece(
            "E5",
            "traces",
            onset_us,
            failing=bad_out,
            error_service="SERVICE_2",
            error_traces=2,
            failing_ms=3020.4,
            healthy_ms=120.5,
        ),
    )
    money = f"{lost / 100:,.2f} EUR", f"{rate / 100:,.2f} EUR"
    of = f"{bad_in} of {total_in}"
    claims = [
        claim(
            "what_fails",
            f"Payments through adyen fail: {of} attempts.",
            ("adyen", "E1", "provider"),
            (str(bad_in), "E1", "bad_in"),
            (str(total_in), "E1", "total_in"),
        ),
        claim(
            "what_fails",
            f"In eu-central {share_in * 100:.2f} % fail.",
            ("eu-central", "E1", "region"),
            (f"{share_in * 100:.2f} %", "E1", "share_in"),
        )
        if 0.01 < share_in < 0.99
        else claim("where", "The failures are in eu-central.", ("eu-central", "E1", "region")),
        claim(
            "what_fails",
            f"Elsewhere {bad_out} of {total_out} attempts fail.",
            (str(bad_out), "E1", "bad_out"),
            (str(total_out), "E1", "total_out"),
        ),
        claim(
            "since",
            f"It began at {clock(onset_us)} UTC.",
            (f"{clock(onset_us)} UTC", "E1", "onset_us"),
        ),
        claim("since", f"Failing since {clock(onset_us)}.", (clock(onset_us), "E1", "onset_us")),
        claim("cost", f"About {money[0]} is lost.", (money[0], "E2", "lost_minor_EUR")),
        claim(
            "cost",
            f"{money[1]} per minute is not being taken.",
            (money[1], "E2", "lost_per_min_minor_EUR"),
        ),
        claim(
            "where",
            "2 traces break in SERVICE_2.",
            ("2", "E5", "error_traces"),
            ("SERVICE_2", "E5", "error_service"),
        ),
        claim(
            "where",
            "In SERVICE_2 failing requests take 3020 ms, healthy ones 120 ms.",
            ("SERVICE_2", "E5", "error_service"),
            ("3020 ms", "E5", "failing_ms"),
            ("120 ms", "E5", "healthy_ms"),
        ),
    ]
    if verdict == "change_of_ours":
        claims += [
            claim(
                "cause",
                f"The deploy of SERVICE_1, {before_s} s before, is the likely cause.",
                ("SERVICE_1", "E4", "service"),
                (f"{before_s} s", "E4", "before_s"),
            ),
            claim("cause", "A change of ours is the likely cause.", ids=("E3",)),
            claim("cause", "The deploy of SERVICE_1 caused this.", ("SERVICE_1", "E4", "service")),
        ]
    elif verdict == "not_a_change_of_ours":
        claims += [
            claim("not_cause", "No change of ours caused this.", ids=("E3",)),
            claim(
                "not_cause",
                "The deploy of SERVICE_1 is not the cause.",
                ("SERVICE_1", "E4", "service"),
            ),
            claim("cause", "The likely cause is the provider adyen.", ("adyen", "E1", "provider")),
        ]
    else:
        claims.append(claim("cannot_tell", "The cause cannot be told.", ids=("E3",)))
    return Case(pieces, verdict, tuple(claims))
