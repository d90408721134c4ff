"""The gate as a pipeline meets it: spent budgets, overrides, postmortems, a policy that breaks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.clock import SECOND_US
from slo.policy.catalogue import SHIPPED
from tests.journeys.running import RunningService, command, until
from tests.journeys.shop import now_us, payment


@pytest.fixture
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "policies"
    shutil.copytree(SHIPPED, folder)
    return folder


@pytest.fixture
def service(tmp_path_factory: pytest.TempPathFactory, files: Path) -> Iterator[RunningService]:
    """One a story: each spends the budget in its own way, and one breaks the policy's files."""
    settings = {"TILLWATCH_POLICY_DIR": str(files)}
    with RunningService(tmp_path_factory.mktemp("service"), settings) as found:
        yield found


def gate(service: RunningService, token: str, *words: str) -> tuple[int, dict[str, Any]]:
    """`tillwatch slo gate ...` as a pipeline runs it."""
    environment = {"TILLWATCH_TOKEN": token, "TILLWATCH_PUBLIC_URL": service.url}
    code, document = command(["slo", "gate", *words], environment=environment)
    assert isinstance(document, dict)
    return code, document


def sell(service: RunningService, name: str, count: int, outcome: str = "succeeded") -> None:
    begun_us = now_us() - count * SECOND_US // 4
    service.send(
        [
            payment(
                f"{name}-{n}",
                outcome,
                at_us=begun_us + n * SECOND_US // 4,
                provider=("stripe", "adyen")[n % 2],
            )
            for n in range(count)
        ]
    )


def allowed(service: RunningService, kind: str = "feature") -> dict[str, Any]:
    found = service.client.get("/api/gate", service="payments", change_kind=kind)
    assert isinstance(found, dict)
    return found


def missing(service: RunningService) -> list[dict[str, Any]]:
    services = service.client.get("/api/policy")["services"]
    found = [one for one in services if one["service"] == "payments"]
    return [one for one in found[0]["postmortems"] if not one["link"]]


def assert_the_incident_that_spent_it_wants_a_postmortem(service: RunningService) -> None:
    until(lambda: missing(service), "the incident is weighed")
    rita = service.token_for("rita", "responder")
    for incident in {one["incident"] for one in missing(service)}:
        link = "https://wiki.example/postmortem"
        assert gate(service, rita, "postmortem", incident, "--link", link)[0] == 0
    assert missing(service) == []
    kinds = {one["type"] for one in service.audit()}
    assert {"policy.overridden", "policy.override_revoked", "policy.postmortem_done"} <= kinds


def test_a_deploy_waits_for_the_budget_or_for_an_owners_word(service: RunningService) -> None:
    ci = service.token_for("ci", "viewer", machine=True)
    code, said = gate(service, ci, "--service", "payments")
    assert (code, said["outcome"]) == (1, "unknown")
    sell(service, "good", 400)
    until(lambda: allowed(service)["allowed"], "a healthy till lets changes pass")
    assert gate(service, ci, "--service", "payments")[0] == 0
    sell(service, "bad", 40, "failed")
    until(lambda: allowed(service)["outcome"] == "refused", "a spent budget stops them")
    code, said = gate(service, ci, "--service", "payments")
    assert (code, said["state"]) == (1, "frozen")
    assert gate(service, ci, "--service", "payments", "--change-kind", "p0")[0] == 0

    owner = service.token_for("olga", "owner")
    words = ("override", "--service", "payments", "--reason", "The fix itself.", "--for", "2h")
    code, said = gate(service, ci, *words)
    assert (code, said["code"]) == (4, "not_allowed")
    code, given = gate(service, owner, *words)
    assert (code, given["state"]) == (0, "active")
    code, said = gate(service, ci, "--service", "payments")
    assert (code, said["override"]["by"]) == (0, "olga")
    assert gate(service, owner, "revoke", given["id"])[0] == 0
    assert gate(service, ci, "--service", "payments")[0] == 1
    assert_the_incident_that_spent_it_wants_a_postmortem(service)


def test_a_policy_that_breaks_lets_nothing_pass_after_a_restart(
    service: RunningService, files: Path
) -> None:
    (files / "default.yaml").write_text("apiVersion: tillwatch/v1\nkind: BudgetPolicy\n")
    service.stop()
    service.start()
    ci = service.token_for("deployer", "viewer", machine=True)
    for kind in ("feature", "security"):
        code, said = gate(service, ci, "--service", "payments", "--change-kind", kind)
        assert (code, said["outcome"]) == (1, "unknown")
        assert "the policy files have 2 faults" in said["sentence"]
    environment = {"TILLWATCH_POLICY_DIR": str(files), "TILLWATCH_DATA_DIR": str(service.data_dir)}
    code, document = command(["slo", "policy", "validate"], environment=environment)
    assert (code, len(document["problems"])) == (1, 2)
    code, document = command(["slo", "gate", "--service", "payments"], environment=environment)
    assert (code, document["allowed"]) == (1, False)
    folder = {"TILLWATCH_DATA_DIR": str(service.data_dir)}
    assert command(["audit", "verify"], environment=folder)[0] == 0
