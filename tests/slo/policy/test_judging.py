"""What the rules say of a service: pure, exact, and never a pass without data."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.policy.judgement import (
    BudgetLeft,
    IncidentSpend,
    Outcome,
    ServiceState,
    Situation,
    Verdict,
    judge,
    share_words,
)
from slo.policy.rules import Action, ChangeKind, Freeze, Policy, PostmortemRule, Step

EXCEPTED = frozenset({ChangeKind.P0, ChangeKind.SECURITY})
POLICY = Policy(
    name="shop",
    display_name="Shop",
    freezes=(Freeze("shop/freeze-0", Fraction(0), EXCEPTED),),
    steps=(
        Step("shop/step-4", Fraction(1, 10), Action.SLOW_DOWN, "Slowly."),
        Step("shop/step-3", Fraction(1, 4), Action.REQUIRE_APPROVAL, "Two people."),
        Step("shop/step-2", Fraction(1, 2), Action.NOTIFY, "Tell them."),
    ),
    postmortems=(PostmortemRule("shop/postmortem-1", Fraction(1, 5), False, frozenset()),),
)
KINDS = list(ChangeKind)


def budget(left: Fraction | int | str | None, unknown: str = "") -> BudgetLeft:
    exact = None if left is None else Fraction(left)
    return BudgetLeft("payment-success", "Payments succeed", exact, unknown=unknown)


def verdict(
    *budgets: BudgetLeft, change: ChangeKind = ChangeKind.FEATURE, **more: object
) -> Verdict:
    override = str(more.pop("override", ""))
    values = {"policies": [POLICY], **more}
    return judge(Situation("payments", budgets, **values), change, override)  # type: ignore[arg-type]


def spend(share: str | None, link: str = "") -> IncidentSpend:
    exact = None if share is None else Fraction(share)
    return IncidentSpend("id", 7, "payment-success", 1, 2, 12, exact, exact, link)


@pytest.mark.parametrize(
    ("left", "state", "allowed"),
    [
        ("1", ServiceState.OK, True),
        ("0.5000000001", ServiceState.OK, True),
        ("0.5", ServiceState.NOTIFY, True),
        ("0.25", ServiceState.REQUIRE_APPROVAL, True),
        ("0.1", ServiceState.SLOW_DOWN, True),
        ("1/100000000000000000", ServiceState.SLOW_DOWN, True),
        ("0", ServiceState.FROZEN, False),
        ("-24.25", ServiceState.FROZEN, False),
    ],
)
def test_steps_and_freeze_begin_exactly_at_their_thresholds(
    left: str, state: ServiceState, allowed: bool
) -> None:
    found = verdict(budget(left))
    assert (found.state, found.allowed) == (state, allowed)


def test_only_the_lowest_step_tells_people_what_to_do() -> None:
    [condition] = verdict(budget("0.2")).conditions
    assert condition == "Payments succeed: 20 % of the budget is left. Two people."


@pytest.mark.parametrize("change", KINDS)
def test_a_spent_budget_stops_all_but_p0_and_security(change: ChangeKind) -> None:
    found = verdict(budget(0), change=change)
    assert found.state is ServiceState.FROZEN
    assert found.allowed is (change in EXCEPTED)
    assert found.outcome is (Outcome.PASS if change in EXCEPTED else Outcome.REFUSED)


@pytest.mark.parametrize("change", KINDS)
def test_without_data_nothing_passes_that_the_missing_number_could_stop(
    change: ChangeKind,
) -> None:
    found = verdict(budget(None, "nothing heard from shop"), change=change)
    assert found.state is ServiceState.UNKNOWN
    if change in EXCEPTED:
        assert found.outcome is Outcome.PASS
    else:
        assert (found.outcome, found.allowed) == (Outcome.UNKNOWN, False)
        assert "nothing heard from shop" in found.reasons[0]


def test_a_number_that_cannot_be_believed_is_no_number() -> None:
    found = verdict(budget("0.9", "the newest 5 minutes are not covered to 90 %"))
    assert (found.outcome, found.allowed) == (Outcome.UNKNOWN, False)


def test_one_objective_without_data_is_enough() -> None:
    other = BudgetLeft("checkout-success", "Checkouts", None, unknown="nothing was counted")
    assert verdict(budget(1), other).outcome is Outcome.UNKNOWN


def test_passing_without_data_needs_the_reason_that_the_policy_gives() -> None:
    lenient = Policy("shop", "Shop", freezes=POLICY.freezes, no_data_reason="Nightly batch only.")
    found = verdict(budget(None, "no source"), policies=[lenient])
    assert (found.outcome, found.allowed) == (Outcome.UNKNOWN, True)
    assert "Nightly batch only." in found.reasons[0]


def test_a_strict_policy_beside_a_lenient_one_decides() -> None:
    lenient = Policy("a", "A", freezes=POLICY.freezes, no_data_reason="Batch.")
    found = verdict(budget(None, "no source"), policies=[lenient, POLICY])
    assert (found.outcome, found.allowed) == (Outcome.UNKNOWN, False)


@pytest.mark.parametrize("change", KINDS)
def test_faulty_policies_let_no_change_pass(change: ChangeKind) -> None:
    found = verdict(budget(1), change=change, policies=[], faults="2 faults in the policy files")
    assert (found.outcome, found.allowed) == (Outcome.UNKNOWN, False)
    assert found.reasons == ("2 faults in the policy files",)


def test_an_objective_that_no_policy_covers_is_unknown() -> None:
    elsewhere = Policy("x", "X", services=frozenset({"search"}), freezes=POLICY.freezes)
    found = verdict(budget(1), policies=[elsewhere])
    assert (found.outcome, found.allowed) == (Outcome.UNKNOWN, False)
    assert found.reasons == ("no policy covers Payments succeed",)


def test_an_incident_at_the_threshold_needs_no_postmortem_and_one_beyond_it_does() -> None:
    assert verdict(budget(1), spends=[spend("0.2")]).conditions == ()
    found = verdict(budget(1), spends=[spend("0.2000001")])
    assert (found.state, found.allowed) == (ServiceState.POSTMORTEM, True)
    assert "INC-7 spent 20 % of the budget: its postmortem is missing" in found.conditions[0]
    assert verdict(budget(1), spends=[spend("0.9", "https://x")]).conditions == ()


def test_a_missing_postmortem_refuses_where_the_policy_says_so() -> None:
    strict = PostmortemRule("shop/postmortem-0", Fraction(1, 5), True, EXCEPTED)
    policy = Policy("shop", "Shop", postmortems=(strict,))
    spends = [spend("0.3")]
    assert not verdict(budget(1), policies=[policy], spends=spends).allowed
    found = verdict(budget(1), policies=[policy], spends=spends, change=ChangeKind.P0)
    assert found.allowed
    [finding] = found.findings
    assert finding.excepted


def test_an_override_lets_pass_and_hides_nothing() -> None:
    found = verdict(budget("-1"), override="o1")
    assert (found.outcome, found.allowed, found.override) == (Outcome.PASS, True, "o1")
    assert found.state is ServiceState.FROZEN
    assert "overspent by 100 %" in found.reasons[0]


@given(st.fractions(min_value=-3, max_value=1), st.sampled_from(KINDS))
def test_more_budget_never_turns_a_pass_into_a_refusal(left: Fraction, change: ChangeKind) -> None:
    assert verdict(budget(left + Fraction(1, 7)), change=change).allowed >= (
        verdict(budget(left), change=change).allowed
    )


@given(st.fractions(min_value=-3, max_value=1), st.booleans())
def test_allowed_without_an_override_means_that_nothing_was_refused(
    left: Fraction, missing: bool
) -> None:
    found = verdict(budget(left, "no data" if missing else ""))
    assert found.allowed is (found.outcome is Outcome.PASS)
    assert found.allowed is (left > 0 and not missing)


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (Fraction(1), "100 %"),
        (Fraction(99_999, 100_000), "99.99 %"),
        (Fraction(1, 8), "12.5 %"),
        (Fraction(1, 10**9), "less than 0.01 %"),
        (Fraction(0), "0 %"),
        (Fraction(-1, 4), "-25 %"),
    ],
)
def test_shares_are_cut_and_never_rounded_up(share: Fraction, words: str) -> None:
    assert share_words(share) == words
