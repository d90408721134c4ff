"""What `tillwatch doctor` says of the error budget policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.doctor import Finding, examine
from app.stores import settings_for
from kernel.clock import FrozenClock


def policy(folder: Path) -> Finding:
    found = examine(settings_for(folder), FrozenClock(), environment={})
    return next(one for one in found if one.name == "policy")


def test_the_shipped_policy_is_good(tmp_path: Path) -> None:
    found = policy(tmp_path)
    assert (found.state, found.says) == ("ok", "1 policy of the shipped files")


def test_faulty_files_are_told_with_the_first_fault_and_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.yaml").write_text(
        "apiVersion: tillwatch/v1\nkind: BudgetPolicy\nmetadata: {name: shop}\nspec: {rules: []}\n"
    )
    monkeypatch.setenv("TILLWATCH_POLICY_DIR", str(tmp_path))
    found = policy(tmp_path)
    assert found.state == "bad"
    assert "the gate lets nothing pass: 1 fault(s), shop.yaml#0 $.spec.rules" in found.says
    assert "slo policy validate" in found.fix


def test_a_folder_that_is_not_there_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILLWATCH_POLICY_DIR", str(tmp_path / "nowhere"))
    assert policy(tmp_path).state == "bad"
