"""The brief that needs no model."""

from __future__ import annotations

import pytest

from kernel.clock import SECOND_US
from slo.objective import Threshold
from triage.brief.claims import Claim
from triage.brief.corroboration import confidence_of
from triage.brief.writer import compose, with_model
from triage.evidence.evidence import EvidenceBundle, Finding, IncidentContext, Verdict, mint
from triage.evidence.outcome import OutcomeRule
from triage.model.outcome import Answered, TimedOut

ONSET_US = 1_795_010_530 * SECOND_US
SLICE = {
    "segment": "provider=adyen, region=eu-central",
    "onset_us": ONSET_US,
    "bad_in": 41,
    "total_in": 46,
    "share_in": 0.8913,
    "bad_out": 4,
    "total_out": 1020,
    "share_out": 0.0039,
}
DEPLOY = {
    "kind": "deploy",
    "service": "recommendations",
    "version": "2.1.0",
    "before_s": 40,
    "relation": "unrelated",
    "blamed": 0,
}


def bundle_of(
    *pieces: tuple[str, dict], verdict=Verdict.CANNOT_TELL, missing=(), rule=None
) -> EvidenceBundle:
    context = IncidentContext(
        "inc", "Payments fail", "payments", ONSET_US, ONSET_US + 1, rule=rule or OutcomeRule()
    )
    found = tuple(
        mint(f"E{n}", Finding(kind, "", numbers, "q", ONSET_US, ONSET_US + 1))
        for n, (kind, numbers) in enumerate(pieces, start=1)
    )
    return EvidenceBundle(context, found, {}, tuple(missing), verdict)


def test_the_headline_says_what_fails_where_how_much_and_since_when():
    brief = compose(bundle_of(("breakdown", SLICE)))
    assert brief.headline == (
        "Payments through adyen in eu-central fail: 41 of 46 attempts since 14:02:10 UTC (89 %)."
    )
    assert "Elsewhere 0.39 % fail (4 of 1020)." in brief.text


def test_money_is_said_per_minute_and_so_far_in_every_currency():
    numbers = {
        "lost_minor_EUR": 288_000,
        "lost_per_min_minor_EUR": 192_000,
        "lost_minor_JPY": 3_000,
        "lost_per_min_minor_JPY": 2_000,
    }
    brief = compose(bundle_of(("breakdown", SLICE), ("impact", numbers)))
    assert (
        "About 1,920.00 EUR and 2,000 JPY per minute is not being taken, "
        "2,880.00 EUR and 3,000 JPY so far."
    ) in brief.text


def test_an_unrelated_deploy_is_shown_and_not_blamed():
    bundle = bundle_of(
        ("breakdown", SLICE),
        ("changes", {"changes": 1, "blamed": 0}),
        ("change", DEPLOY),
        verdict=Verdict.NOT_A_CHANGE_OF_OURS,
    )
    brief = compose(bundle)
    assert (
        "A deploy of recommendations 2.1.0 came 40 s before, but payments elsewhere stayed "
        "healthy after it (0.39 % fail): probably not the cause."
    ) in brief.text
    assert brief.text.endswith("No change of ours explains this.")


def test_where_everything_fails_alike_an_unrelated_deploy_is_not_acquitted():
    everywhere = SLICE | {"share_out": 0.6}
    bundle = bundle_of(("breakdown", everywhere), ("changes", {}), ("change", DEPLOY))
    assert "whether it is the cause cannot be told" in compose(bundle).text


def test_a_blamed_change_is_called_the_likely_cause():
    bundle = bundle_of(
        ("changes", {"changes": 1}),
        ("change", DEPLOY | {"blamed": 1, "relation": "same service"}),
        verdict=Verdict.CHANGE_OF_OURS,
    )
    assert "came 40 s before: the likely cause." in compose(bundle).text


def test_slow_checkouts_are_not_called_failed():
    rule = OutcomeRule(
        good_types=frozenset({"checkout.completed"}),
        bad_types=frozenset(),
        threshold=Threshold("latency_ms", "lte", 2000),
    )
    brief = compose(bundle_of(("breakdown", SLICE), rule=rule))
    assert brief.headline.startswith("Checkouts through adyen in eu-central are too slow: ")


def test_missing_sources_are_named():
    brief = compose(bundle_of(("breakdown", SLICE), missing=["traces", "logs"]))
    assert brief.text.endswith("Could not be asked: traces, logs.")
    assert brief.missing_sources == ("traces", "logs")


def test_with_no_evidence_at_all_the_title_and_the_onset_stand():
    brief = compose(bundle_of(missing=["events"]))
    assert brief.headline == "Payments fail since 14:02:10 UTC; no figures are at hand."
    assert not brief.claims


def test_claims_of_a_model_come_after_those_of_code_and_any_other_outcome_changes_nothing():
    bundle = bundle_of(("breakdown", SLICE))
    brief = compose(bundle)
    assert with_model(brief, bundle, TimedOut()) is brief
    told = with_model(brief, bundle, Answered(claims=(Claim("adyen fails.", ("E1",)),)))
    assert told.source == "model"
    assert told.headline == brief.headline
    assert told.claims == (*brief.claims, Claim("adyen fails.", ("E1",)))
    assert told.text.endswith("adyen fails.")


@pytest.mark.parametrize(
    ("pieces", "verdict", "confidence"),
    [
        ([("breakdown", SLICE)], Verdict.CANNOT_TELL, "low"),
        ([("breakdown", SLICE)], Verdict.NOT_A_CHANGE_OF_OURS, "low"),
        (
            [("breakdown", SLICE), ("changes", {"verdict": "not_a_change_of_ours"})],
            Verdict.NOT_A_CHANGE_OF_OURS,
            "medium",
        ),
        (
            [("breakdown", SLICE), ("traces", {"error_service": "payments"})],
            Verdict.NOT_A_CHANGE_OF_OURS,
            "high",
        ),
        ([("traces", {"error_service": "payments"})], Verdict.NOT_A_CHANGE_OF_OURS, "low"),
    ],
)
def test_confidence_needs_a_slice_a_verdict_and_a_second_source(pieces, verdict, confidence):
    assert confidence_of(bundle_of(*pieces, verdict=verdict)) == confidence


def test_what_the_units_are_is_told_by_stored_evidence_too():
    words = {"unit": "checkout", "judged_by": "outcome"}
    brief = compose(bundle_of(("traffic", words), ("breakdown", SLICE)))
    assert brief.headline.startswith("Checkouts through adyen in eu-central fail: ")
