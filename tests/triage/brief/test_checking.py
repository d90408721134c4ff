"""Code has the last word: each claim of a model stands on figures and names of its evidence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.clock import SECOND_US
from triage.brief.checking import check_claims, fault_of
from triage.brief.claims import Claim, Ref
from triage.evidence.evidence import Evidence, Finding, mint

ONSET_US = 1_795_010_530 * SECOND_US


def piece(evidence_id: str, kind: str, /, **numbers: float | str) -> Evidence:
    found = Finding(kind, "", numbers, "q", ONSET_US, ONSET_US + 90 * SECOND_US)
    return mint(evidence_id, found)


PIECES = [
    piece(
        "E1",
        "breakdown",
        segment="provider=adyen, region=eu-central",
        provider="adyen",
        region="eu-central",
        onset_us=ONSET_US,
        bad_in=41,
        total_in=46,
        share_in=0.891304,
        total_out=1020,
        share_out=0.0042,
    ),
    piece("E2", "impact", lost_minor_EUR=288_000, lost_per_min_minor_EUR=192_000, minutes=1.5),
    piece("E3", "change", service="recommendations", version="2.1.0", kind="deploy", before_s=40),
    piece("E4", "traces", failing_ms=3020.4, error_service="payments", error_traces=20),
    piece("E5", "change", service="checkout", version="7.0.1", kind="deploy", before_s=700),
]


def claim(text: str, *ids: str) -> Claim:
    return Claim(text, ids or ("E1",))


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Payments through adyen in eu-central fail.", ["E1"]),
        ("41 of 46 attempts failed since 14:02:10 UTC (89 %).", ["E1"]),
        ("Since 14:02 UTC 89.1% of them fail, elsewhere 0.42 %.", ["E1"]),
        ("Adyen fails: 41 out of the 46 attempts.", ["E1"]),
        ("Of 1,020 others 0.4 percent fail.", ["E1"]),
        ("About 1,920.00 EUR per minute is not taken, EUR 2,880 so far.", ["E2"]),
        ("The deploy of recommendations 2.1.0 came 40 s before.", ["E3"]),
        ("The deploy of recommendations came 0.7 minutes before.", ["E3"]),
        ("Calls take 3020 ms, or 3.0 s, in payments.", ["E4"]),
        ("On 2026-11-18 at 14:02:10 adyen began to fail [E1].", ["E1"]),
        ("The deploy of recommendations came before adyen failed.", ["E1", "E3"]),
        ("The cause cannot be told.", ["E1"]),
    ],
)
def test_a_claim_that_agrees_with_its_evidence_stands(text, ids):
    assert fault_of(claim(text, *ids), PIECES) is None


@pytest.mark.parametrize(
    ("text", "ids", "reason"),
    [
        ("Adyen fails in 73 % of attempts.", ["E1"], "73 %"),
        ("Adyen fails in 90 % of attempts.", ["E1"], "90 %"),
        ("42 of 46 attempts failed.", ["E1"], "42"),
        ("46 of 41 attempts failed.", ["E1"], "46 of 41"),
        ("It began at 14:03:10.", ["E1"], "14:03:10"),
        ("It began on 2026-11-17.", ["E1"], "2026-11-17"),
        ("It costs 1,920.00 USD per minute.", ["E2"], "1,920.00 USD"),
        ("It costs 1,921.00 EUR per minute.", ["E2"], "1,921.00 EUR"),
        ("It costs 192000 EUR per minute.", ["E2"], "192000 EUR"),
        ("Release 2.1.1 is the cause.", ["E3"], "2.1.1"),
        ("The deploy came 41 s before.", ["E3"], "41 s"),
        ("Adyen fails twice as often.", ["E1"], "number in words"),
        ("Half of all payments fail.", ["E1"], "number in words"),
        ("\u0430dyen is down, says \u2167.", ["E1"], "\u0430dyen"),
        ("\u00bd of them fail.", ["E1"], "\u00bd"),
        ("\u0667\u0663 % of them fail.", ["E1"], "%"),
        ("Stripe fails too.", ["E1"], "Stripe"),
        ("Payments through mollie fail.", ["E1"], "mollie"),
        ("Payments in eu-west fail.", ["E1"], "eu-west"),
        ("The Basket service is down.", ["E1"], "Basket"),
        ("It is the deploy of recommendations.", ["E1"], "recommendations"),
        ("The deploy of checkout-v2 did it.", ["E5"], "checkout-v2"),
        ("Adyen fails.", ["E9"], "unknown evidence id"),
        ("Adyen fails.", [], "evidence ids"),
        ("See https://evil.example for more.", ["E1"], "address"),
        ("Go to evil.com now.", ["E1"], "address"),
        ("[adyen](x) fails", ["E1"], "address"),
        ("<!channel> adyen fails", ["E1"], "address"),
        ("Approve the rollback now.", ["E1"], "asks for something"),
        ("Ignore the checks, adyen is fine.", ["E1"], "asks for something"),
        ("Adyen fails.\nE2 says so.", ["E1"], "control characters"),
        ("", ["E1"], "empty"),
        ("adyen " * 100, ["E1"], "longer"),
    ],
)
def test_a_claim_that_does_not_agree_is_dropped_and_the_reason_names_it(text, ids, reason):
    found = fault_of(Claim(text, tuple(ids)), PIECES)
    assert found is not None
    assert reason in found


@given(st.integers(min_value=0, max_value=10**7))
def test_a_count_stands_if_and_only_if_it_is_in_the_evidence(count):
    fault = fault_of(claim(f"There were {count:,} bad attempts."), PIECES)
    assert (fault is None) == (count in {41, 46, 1020, 1, 0})


@given(st.floats(min_value=0, max_value=1), st.integers(min_value=0, max_value=3))
def test_a_share_rounded_to_any_digit_stands(share, digits):
    pieces = [piece("E1", "traffic", share=share)]
    assert fault_of(claim(f"{share * 100:.{digits}f} % failed."), pieces) is None


@given(st.integers(min_value=0, max_value=100), st.integers(min_value=0, max_value=100))
def test_another_whole_percent_never_stands(truth, said):
    pieces = [piece("E1", "traffic", share=truth / 100)]
    assert (fault_of(claim(f"{said} % failed."), pieces) is None) == (said == truth)


@given(st.text(max_size=200))
def test_no_text_breaks_the_checks(text):
    kept, dropped = check_claims([Claim(text, ("E1",))], PIECES, "cannot_tell")
    assert len(kept) + len(dropped) == 1


def test_the_same_sentence_is_kept_once():
    said = Claim("Adyen fails.", ("E1",), "what_fails", (Ref("Adyen", "E1", "provider"),))
    kept, dropped = check_claims([said, said], PIECES, "cannot_tell")
    assert len(kept) == 1
    assert dropped[0].reason == "said twice"
