"""Tiers that somebody wrote down: as an annotation, or as OpenSLO's alert policies."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.objective import WrittenTier
from slo.openslo import read_openslo
from slo.openslo.written_tiers import read_tiers, write_tiers
from slo.tiers import default_tiers, tiers_of
from tests.slo.openslo.samples import GOOD, changed, faults

TWO = "quick: 1h/5m x14.4 page; slow: 6h/30m x6 ticket"
PLACE = "$.metadata.annotations['tillwatch/tiers']"


def with_tiers(text: str, target: str = "0.999") -> str:
    owner = "    tillwatch/owner: payments\n"
    return changed(
        (owner, f'{owner}    tillwatch/tiers: "{text}"\n'), ("target: 0.999", f"target: {target}")
    )


def policy(**condition: object) -> str:
    words = {"kind": "burnrate", "op": "gte", "threshold": 14.4, "lookbackWindow": "1h"}
    rule = ", ".join(f"{name}: {value}" for name, value in {**words, **condition}.items())
    return f"""
  alertPolicies:
    - kind: AlertPolicy
      metadata: {{name: urgent}}
      spec:
        alertWhenBreaching: true
        conditions:
          - kind: AlertCondition
            metadata: {{name: quick}}
            spec: {{severity: page, condition: {{{rule}}}}}
        notificationTargets: [{{targetRef: duty}}]
"""


def test_written_tiers_take_the_place_of_the_usual_ones() -> None:
    [one] = read_openslo(with_tiers(TWO)).objectives
    assert one.tiers == (
        WrittenTier("quick", 3600, 300, Fraction(72, 5), page=True),
        WrittenTier("slow", 21_600, 1800, Fraction(6), page=False),
    )
    assert [(tier.name, tier.long_s, tier.factor) for tier in tiers_of(one)] == [
        ("quick", 3600, Fraction(72, 5)),
        ("slow", 21_600, Fraction(6)),
    ]


def test_an_objective_without_them_has_the_usual_ones() -> None:
    [one] = read_openslo(GOOD).objectives
    assert tiers_of(one) == default_tiers(28 * 86_400, Fraction(1, 1000))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("quick 1h/5m x14.4 page", "not a tier"),
        ("quick: 1h/5m x14.4", "not a tier"),
        ("quick: 1h/5m 14.4 page", "not a tier"),
        ("quick: 1h/5m x14.4 pager", "not a tier"),
        ("quick: 5m/1h x14.4 page", "the short window is longer"),
        ("quick: 1x/5m x14.4 page", "unknown unit"),
        ("quick: 1M/5m x14.4 page", "no fixed length"),
        ("quick: 1h/0m x14.4 page", "zero"),
        ("quick: 1h/5m x0 page", "above 0"),
        ("quick: 1h/5m x1.4.4 page", "not a factor"),
        ("quick: 1h/5m x1/0 page", "not a factor"),
        ("fast: 1h/5m x14.4 page", "needs no windows"),
        ("Quick: 1h/5m x14.4 page", "lower case"),
        (f"{TWO}; quick: 2h/5m x14.4 page", "one name"),
        (";", "no tier"),
        ("; ".join(f"t{i}: 1h/5m x2 page" for i in range(9)), "at most 8"),
    ],
)
def test_a_tier_that_means_nothing_is_refused_with_the_reason(text: str, word: str) -> None:
    assert word in faults(with_tiers(text))[PLACE]


def test_a_long_window_beyond_the_objectives_own_is_refused() -> None:
    found = faults(with_tiers("quick: 29d/5m x2 page"))
    assert "longer than its window of 28d" in found[PLACE]


def test_a_policy_of_openslo_is_a_tier_with_its_condition_in_it() -> None:
    [one] = read_openslo(GOOD + policy(alertAfter="10m")).objectives
    assert one.tiers == (WrittenTier("quick", 3600, 600, Fraction(72, 5), page=True),)


def test_without_alert_after_the_short_window_is_a_twelfth() -> None:
    [one] = read_openslo(GOOD + policy(lookbackWindow="6h")).objectives
    assert [(tier.long_s, tier.short_s) for tier in one.tiers] == [(21_600, 1800)]


def test_a_severity_that_is_not_page_makes_a_ticket() -> None:
    text = policy().replace("severity: page", "severity: critical")
    [one] = read_openslo(GOOD + text).objectives
    assert [tier.page for tier in one.tiers] == [False]


def test_a_policy_that_is_silent_when_breaching_makes_no_tier_and_says_so() -> None:
    reading = read_openslo(GOOD + policy().replace("Breaching: true", "Breaching: false"))
    assert [one.tiers for one in reading.objectives] == [()]
    assert any("makes no tier" in note for note in reading.notes)


def test_a_condition_that_fires_while_little_burns_is_refused_where_we_count() -> None:
    found = faults(GOOD + policy(op="lte"))
    [(path, text)] = found.items()
    assert path.endswith("conditions[0].spec.condition")
    assert "hardly used" in text


def test_what_others_measure_may_alert_as_it_likes() -> None:
    foreign = GOOD.replace("type: tillwatch", "type: Prometheus")
    assert faults(foreign + policy(op="lte")) == {}


def test_annotation_and_policy_add_up_and_share_no_name() -> None:
    [one] = read_openslo(with_tiers("slow: 6h/30m x6 ticket") + policy()).objectives
    assert [tier.name for tier in one.tiers] == ["slow", "quick"]
    assert "quick is there already" in str(faults(with_tiers(TWO) + policy()))


def test_a_policy_above_the_maximum_burn_is_refused_at_its_condition() -> None:
    found = faults(changed(("0.999", "0.9")) + policy())
    [(path, text)] = found.items()
    assert path == "$.spec.alertPolicies[0].spec.conditions[0].spec.condition"
    assert "for payment-success: tier quick: the factor 14.4 can never be reached" in text


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("kind: burnrate", "kind: burn", "spec.conditions[0].spec.condition.kind"),
        ("op: gte", "op: ge", "spec.conditions[0].spec.condition.op"),
        ("threshold: 14.4, ", "", "spec.conditions[0].spec.condition.threshold"),
        ("1h", "-1h", "spec.conditions[0].spec.condition.lookbackWindow"),
        ("severity: page, ", "", "spec.conditions[0].spec.severity"),
        ("kind: AlertCondition", "kind: Alert", "spec.conditions[0].kind"),
        ("Breaching: true", "Breaching: soon", "spec.alertWhenBreaching"),
        ("Breaching", "Breached", "spec.alertWhenBreached"),
        ("[{targetRef: duty}]", "[]", "spec.notificationTargets"),
        ("[{targetRef: duty}]", "[{}]", "spec.notificationTargets[0]"),
        ("[{targetRef: duty}]", "[{targetRef: Du_ty}]", "spec.notificationTargets[0].targetRef"),
        ("kind: AlertPolicy", "kind: Policy", "kind"),
        ("{name: urgent}", "{name: Urgent}", "metadata.name"),
    ],
)
def test_every_fault_of_a_policy_is_told_with_its_place(old: str, new: str, place: str) -> None:
    text = policy()
    assert old in text
    assert f"$.spec.alertPolicies[0].{place}" in faults(GOOD + text.replace(old, new))


def test_at_most_one_condition_stands_in_a_policy() -> None:
    text = policy().replace(
        "        conditions:\n", "        conditions:\n          - conditionRef: other\n"
    )
    assert "exactly one" in faults(GOOD + text)["$.spec.alertPolicies[0].spec.conditions"]


@given(
    st.lists(
        st.builds(
            WrittenTier,
            st.from_regex(r"[a-z]{5,9}", fullmatch=True),
            st.integers(60, 1000).map(lambda minutes: 60 * minutes),
            st.integers(1, 60).map(lambda minutes: 60 * minutes),
            st.fractions(Fraction(1, 10**6), 10**6, max_denominator=10**6).filter(bool),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda one: one.name,
    )
)
def test_law_written_tiers_are_read_back_exactly(tiers: list[WrittenTier]) -> None:
    assert read_tiers(write_tiers(tiers)) == tuple(tiers)


@given(st.text(max_size=60))
def test_law_any_text_is_tiers_or_a_reason(text: str) -> None:
    try:
        found = read_tiers(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - both ends are fine, a crash is not
    else:
        assert found
