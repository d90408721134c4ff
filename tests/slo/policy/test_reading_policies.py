"""Policy files: what is read, and every fault of a file at once."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo.catalogue import Catalogue
from slo.policy.catalogue import load_policies, read_policy_files
from slo.policy.reader import Known, read_policies
from slo.policy.rules import Action, ChangeKind
from tests.slo.shop_till import payments

KNOWN = Known({"checkout", "payments"}, {"checkout-success", "payment-success"})
HEAD = "apiVersion: tillwatch/v1\nkind: BudgetPolicy\nmetadata: {name: shop}\n"
GOOD = HEAD + "spec: {rules: [freeze: {}]}\n"


def problems(spec: str) -> dict[str, str]:
    reading = read_policies(HEAD + spec, KNOWN, "shop.yaml")
    return {one.path: one.reason for one in reading.problems}


def test_the_shipped_policy_is_the_workbooks() -> None:
    found = load_policies(None, Catalogue.load())
    [policy] = found.policies
    assert found.usable
    assert policy.covers("anything", "at-all")
    [freeze] = policy.freezes
    assert freeze.at_budget_left == 0
    assert freeze.except_for == {ChangeKind.P0, ChangeKind.SECURITY}
    [postmortem] = policy.postmortems
    assert postmortem.incident_spends == Fraction(1, 5)
    steps = [(one.at_budget_left, one.action) for one in policy.steps]
    assert steps == [
        (Fraction(1, 10), Action.SLOW_DOWN),
        (Fraction(1, 4), Action.REQUIRE_APPROVAL),
        (Fraction(1, 2), Action.NOTIFY),
    ]
    assert policy.no_data_reason == ""


def test_all_faults_of_a_file_come_together_with_place_and_way_out() -> None:
    found = problems(
        """
spec:
  appliesTo: {services: [chekout], objectives: []}
  rules:
    - freeze: {atBudgetLeft: yes, exceptFor: [p0, securty]}
    - step: {atBudgetLeft: 25, action: slowdown}
    - step: {action: notify}
    - postmortem: {incidentSpends: -0.2, refuseUntilDone: 1}
    - freze: {}
    - {freeze: {}, step: {atBudgetLeft: 0.1, action: notify}}
  noData: {pass: true}
  owner: somebody
"""
    )
    at = "shop.yaml#0 $.spec"
    assert 'did you mean "checkout"?' in found[f"{at}.appliesTo.services[0]"]
    assert "empty list" in found[f"{at}.appliesTo.objectives"]
    assert "as a share" in found[f"{at}.rules[0].freeze.atBudgetLeft"]
    assert 'did you mean "security"?' in found[f"{at}.rules[0].freeze.exceptFor[1]"]
    assert "did you mean 0.25?" in found[f"{at}.rules[1].step.atBudgetLeft"]
    assert 'did you mean "slowDown"?' in found[f"{at}.rules[1].step.action"]
    assert "missing" in found[f"{at}.rules[2].step.atBudgetLeft"]
    assert "more than 0" in found[f"{at}.rules[3].postmortem.incidentSpends"]
    assert "true or false" in found[f"{at}.rules[3].postmortem.refuseUntilDone"]
    assert 'did you mean "freeze"?' in found[f"{at}.rules[4].freze"]
    assert "exactly one of" in found[f"{at}.rules[5]"]
    assert "written reason" in found[f"{at}.noData.reason"]
    assert "unknown field" in found[f"{at}.owner"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "holds no object"),
        ("- a\n", "a mapping is wanted"),
        (GOOD.replace("tillwatch/v1", "openslo/v1"), '"tillwatch/v1" is wanted'),
        (GOOD.replace("BudgetPolicy", "SLO"), '"BudgetPolicy" is wanted'),
        (HEAD, "missing"),
        (HEAD + "spec: {rules: []}", "without a rule"),
        (HEAD + "spec: {rules: {freeze: {}}}", "a list is wanted"),
        (HEAD + "spec: [", "not YAML"),
        (GOOD.replace("shop", "Shop!"), "lower case"),
        (HEAD + "spec: {rules: [freeze: {}], appliesTo: {}}", "leave appliesTo out"),
        (
            HEAD + "spec: {rules: [step: {atBudgetLeft: 0.5, action: notify},"
            " step: {atBudgetLeft: 0.50, action: notify}]}",
            "stands twice",
        ),
    ],
)
def test_a_file_that_is_no_policy_says_why(text: str, says: str) -> None:
    reading = read_policies(text, KNOWN)
    assert reading.policies == []
    assert any(says in one.reason for one in reading.problems), reading.problems


@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    reading = read_policies(text, KNOWN)
    assert reading.problems or reading.policies


def test_thresholds_are_exact() -> None:
    reading = read_policies(HEAD + "spec: {rules: [freeze: {atBudgetLeft: 0.1}]}", KNOWN)
    assert reading.policies[0].freezes[0].at_budget_left == Fraction(1, 10)


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def test_one_faulty_file_makes_the_whole_set_unusable(tmp_path: Path) -> None:
    objectives = Catalogue([payments()])
    write(tmp_path, good=GOOD, bad=GOOD.replace("shop", "other").replace("freeze", "freez"))
    found = load_policies(tmp_path, objectives)
    assert not found.usable
    assert found.policies == ()
    assert "bad.yaml" in found.problems[0].path


def test_a_name_stands_once_over_all_files(tmp_path: Path) -> None:
    write(tmp_path, a=GOOD, b=GOOD)
    found = read_policy_files(sorted(tmp_path.iterdir()), Catalogue([payments()]))
    assert "has this name already" in found.problems[0].reason


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_without_policies_is_a_fault_and_no_freedom(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    found = load_policies(tmp_path / name, Catalogue([payments()]))
    assert not found.usable
    assert "no policy file is there" in found.problems[0].reason
