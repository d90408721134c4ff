"""The import contract is complete: no folder and no vendor door is left out of it."""

from __future__ import annotations

import ast

import pytest

from tests.architecture.project import PACKAGES, ROOT, name_of, pyproject, sources, tree

# Who may import a vendor's package: a module, or a folder.
DOORS = {
    "openai": ("triage/model/client.py",),
    "slack_sdk": ("triage/slack/",),
    "apscheduler": ("app/engine_runtime.py",),
    "stripe": ("collector/sources/stripe.py",),
    "clickhouse_connect": ("kernel/telemetry_store/",),
    "chdb": ("kernel/telemetry_store/",),
    "nats": ("kernel/journal/",),
    "alembic": ("app/stores.py", "migrations/"),
}
# The strict parser itself; stores that read back what this program wrote; the simulated outside.
LOADERS = ("kernel/strict_json.py",)
OWN_FILES = (
    "kernel/journal/",
    "kernel/engine_status.py",
    "kernel/telemetry_store/",
    "slo/ledger/",
    "triage/slack/inbox.py",
    "app/demo/",
    "app/fakes/",
)


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def test_every_top_folder_with_python_is_in_the_contract():
    contracts = pyproject()["tool"]["importlinter"]
    layers = next(one for one in contracts["contracts"] if one["id"] == "layers")["layers"]
    named = {name.strip() for layer in layers for name in layer.split("|")}
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == named == set(contracts["root_packages"]) == set(PACKAGES)


def test_every_package_of_the_contract_is_in_the_wheel():
    wheel = pyproject()["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(wheel) == set(PACKAGES)


@pytest.mark.parametrize("vendor", sorted(DOORS))
def test_a_vendor_is_imported_behind_its_door_only(vendor):
    wrong = [
        name_of(path)
        for path in sources()
        for node in ast.walk(tree(path))
        for module in imported(node)
        if module.split(".")[0] == vendor and not name_of(path).startswith(DOORS[vendor])
    ]
    assert wrong == []


def test_json_from_outside_is_parsed_by_the_strict_parser_alone():
    wrong = [
        f"{name_of(path)}:{node.lineno}"
        for path in sources()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"json.loads", "json.load", "request.json"}
        and not name_of(path).startswith(LOADERS + OWN_FILES)
    ]
    assert wrong == []
