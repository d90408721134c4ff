"""The gate over a real ledger: scenarios as a pipeline meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from access.principal import Role
from kernel.errors import BadInput, NotFound
from slo.policy.catalogue import PolicySet, load_policies
from slo.policy.cli import build_gate_cli, build_policy_cli
from slo.policy.rules import ChangeKind
from slo.policy.service import PolicyService
from tests.slo.policy.office import Office
from tests.slo.shop_till import all_fail


def spend_all(office: Office) -> None:
    """Five seconds in which every payment fails: more than the budget of ten minutes."""
    office.till.play(5, fails=all_fail, evaluate=False)


def test_with_all_of_the_budget_left_everything_passes(office: Office) -> None:
    for kind in ChangeKind:
        found = office.policy.gate("payments", kind)
        assert (found.outcome, found.allowed, found.state) == ("pass", True, "ok")
    assert found.sentence == "A security fix of payments may go out."
    [budget] = found.budgets
    assert (budget.objective, budget.budget_left, budget.bad) == ("payment-success", 1.0, 0)
    assert [one.kind for one in found.rules] == ["freeze", "step", "step", "step"]


def test_a_spent_budget_refuses_all_but_p0_and_security(office: Office) -> None:
    spend_all(office)
    answers = {kind: office.policy.gate("payments", kind) for kind in ChangeKind}
    assert {kind.value for kind, one in answers.items() if one.allowed} == {"p0", "security"}
    refused = answers[ChangeKind.FEATURE]
    assert (refused.outcome, refused.state) == ("refused", "frozen")
    assert refused.sentence.startswith(
        "A new feature of payments must wait: Payments succeed: the budget is overspent by "
    )
    assert answers[ChangeKind.P0].sentence == (
        "A fix of a P0 in payments may go out: the policy excepts p0 changes (under 1 condition)."
    )


def test_the_freeze_ends_once_good_attempts_have_paid_for_it(office: Office) -> None:
    spend_all(office)
    office.till.play(600, per_s=10, evaluate=False)
    found = office.policy.gate("payments")
    assert found.allowed
    assert found.conditions


def test_a_silent_source_is_unknown_and_refused(office: Office) -> None:
    office.till.clock.advance_s(600)
    office.till.arrive([])
    found = office.policy.gate("payments")
    assert (found.outcome, found.allowed, found.state) == ("unknown", False, "unknown")
    assert "nothing heard from shop" in found.sentence


def test_a_shop_that_never_sold_anything_is_unknown(tmp_path: Path) -> None:
    office = Office(tmp_path)
    found = office.policy.gate("payments")
    assert (found.outcome, found.allowed) == ("unknown", False)
    assert found.budgets[0].budget_left is None
    office.database.close()


def test_a_faulty_policy_at_a_restart_lets_nothing_pass(office: Office, tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "shop.yaml").write_text("apiVersion: tillwatch/v1\nkind: BudgetPolcy\n")
    office.load(load_policies(folder, office.till.catalogue))
    for kind in ChangeKind:
        found = office.policy.gate("payments", kind)
        assert (found.outcome, found.allowed) == ("unknown", False)
        assert "the policy files have" in found.sentence
        assert found.problems


def test_a_set_without_any_policy_lets_nothing_pass(office: Office) -> None:
    office.load(PolicySet())
    found = office.policy.gate("payments")
    assert (found.outcome, found.allowed) == ("unknown", False)
    assert found.reasons == ["no policy covers Payments succeed"]


def test_a_misspelt_service_never_passes(office: Office) -> None:
    with pytest.raises(NotFound, match='did you mean "payments"'):
        office.policy.gate("payment")
    with pytest.raises(BadInput, match='did you mean "feature"'):
        office.policy.gate("payments", "featur")


def test_http_tells_a_machine_with_a_token(office: Office) -> None:
    spend_all(office)
    site = office.site()
    ci = office.token(office.person("ci", Role.VIEWER, machine=True))
    asked = site.get("/api/gate?service=payments", headers=ci)
    assert asked.status_code == 200
    document = asked.json()
    assert (document["outcome"], document["allowed"]) == ("refused", False)
    rule = document["rules"][0]
    assert (rule["kind"], rule["state"], rule["effect"]) == ("freeze", "in_force", "refuse")
    assert rule["budget_left"] < 0 == rule["threshold"]
    assert site.get("/api/gate?service=payments&change_kind=p0", headers=ci).json()["allowed"]
    assert site.get("/api/gate", headers=ci).status_code == 422
    assert site.get("/api/gate?service=nobody", headers=ci).status_code == 404
    assert site.get("/api/gate?service=payments").status_code == 401
    listed = site.get("/api/policy", headers=ci).json()
    assert [one["service"] for one in listed["services"]] == ["payments"]


def run(office: Office, *words: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    @contextmanager
    def opener(_: Path | None) -> Iterator[PolicyService]:
        yield office.policy

    found = CliRunner().invoke(build_gate_cli(opener), list(words), env=env)
    return found.exit_code, found.stdout


def test_the_command_exits_0_for_a_pass_and_1_for_a_refusal(office: Office) -> None:
    code, text = run(office, "--service", "payments")
    assert (code, text) == (0, "pass: A new feature of payments may go out.\n")
    spend_all(office)
    code, text = run(office, "--service", "payments")
    assert code == 1
    assert text.startswith("refused: A new feature of payments must wait: ")
    code, text = run(office, "--service", "payments", "--change-kind", "security", "--json")
    assert code == 0
    assert json.loads(text)["change_kind"] == "security"


def test_the_command_exits_1_where_nobody_can_say(office: Office) -> None:
    office.till.clock.advance_s(600)
    assert run(office, "--service", "payments")[0] == 1


def test_the_command_says_what_is_missing(office: Office) -> None:
    @contextmanager
    def opener(_: Path | None) -> Iterator[PolicyService]:
        yield office.policy

    failed = CliRunner().invoke(build_gate_cli(opener), [])
    assert isinstance(failed.exception, BadInput)
    away = CliRunner().invoke(
        build_gate_cli(opener),
        ["--service", "payments", "--url", "http://127.0.0.1:9"],
        env={"TILLWATCH_TOKEN": "x"},
    )
    assert getattr(away.exception, "exit_code", None) == 3


def test_policies_are_validated_before_they_are_used(tmp_path: Path) -> None:
    @contextmanager
    def opener(_: Path | None) -> Iterator[PolicyService]:
        raise AssertionError("validating opens no store")
        yield

    cli = build_policy_cli(opener)
    good = CliRunner().invoke(cli, ["validate"])
    assert (good.exit_code, good.stdout) == (0, "1 policy good\n")
    path = tmp_path / "bad.yaml"
    path.write_text(
        "apiVersion: tillwatch/v1\nkind: BudgetPolicy\nmetadata: {}\nspec: {rules: 1}\n"
    )
    bad = CliRunner().invoke(cli, ["validate", str(path), "--json"])
    assert bad.exit_code == 1
    paths = [one["path"] for one in json.loads(bad.stdout)["problems"]]
    assert paths == ["bad.yaml#0 $.metadata.name", "bad.yaml#0 $.spec.rules"]


def test_the_list_of_services_reads_well(office: Office) -> None:
    @contextmanager
    def opener(_: Path | None) -> Iterator[PolicyService]:
        yield office.policy

    shown = CliRunner().invoke(build_policy_cli(opener), ["show"])
    assert shown.exit_code == 0
    assert "payments  ok     A new feature of payments may go out." in shown.stdout
