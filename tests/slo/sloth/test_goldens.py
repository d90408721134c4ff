"""Sloth's own specs give Sloth's own rules: equal in names, labels, annotations and expressions.

Compared after parsing, so layout does not count; every number is compared as text, which is more
than the 1e-12 that would be enough.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from slo.rules.rule import rules_document
from slo.sloth import BUILT_IN, read_sloth, sloth_groups
from tests.shared_data import shared
from tests.slo.rules.promtool import written

EXAMPLES = (
    "getting-started",
    "home-wifi",
    "kubernetes-apiserver",
    "multifile",
    "no-alerts",
    "openslo-getting-started",
    "raw-home-wifi",
)
# Sloth's script made its goldens with this label.
LABELS = {"cmd": "examplesgen.sh"}


def slos_of(name: str) -> list[Any]:
    reading = read_sloth(shared(f"vectors/sloth/examples/{name}.yml").read_text(), name)
    assert (reading.problems, reading.notes) == ([], [])
    return reading.slos


def golden(name: str) -> dict[str, Any]:
    text = shared(f"vectors/sloth/examples/_gen/{name}.yml").read_text()
    return {
        group["name"]: group
        for document in yaml.safe_load_all(text)
        if document
        for group in document["groups"]
    }


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_gives_the_golden_rules(name: str) -> None:
    groups = sloth_groups(slos_of(name), BUILT_IN, compatible=True, labels=LABELS)
    made = {group["name"]: group for group in rules_document(groups)["groups"]}
    assert made == golden(name)


@pytest.mark.parametrize("name", EXAMPLES)
def test_by_default_only_ratios_differ_and_alerts_names_and_labels_are_the_same(name: str) -> None:
    groups = sloth_groups(slos_of(name), BUILT_IN, labels=LABELS)
    made = {group["name"]: group for group in rules_document(groups)["groups"]}
    wanted = golden(name)
    assert list(made) == list(wanted)
    for key, group in made.items():
        pairs = list(zip(group["rules"], wanted[key]["rules"], strict=True))
        for ours, theirs in pairs:
            assert {**ours, "expr": ""} == {**theirs, "expr": ""}
            if "sli-recordings" not in key:
                assert ours["expr"] == theirs["expr"]
    last = made[next(iter(made))]["rules"][-1]["expr"]
    assert "sum_over_time(slo:sli_error" not in last


def test_the_kubernetes_form_of_an_example_gives_its_rules_but_for_mode_and_spec() -> None:
    example = yaml.safe_load(shared("vectors/sloth/examples/getting-started.yml").read_text())
    example.pop("version")
    resource = {
        "apiVersion": "sloth.slok.dev/v1",
        "kind": "PrometheusServiceLevel",
        "metadata": {"name": "x"},
        "spec": camel(example),
    }
    reading = read_sloth(json.dumps(resource))
    assert (reading.problems, reading.notes) == ([], [])
    groups = sloth_groups(reading.slos, BUILT_IN, compatible=True, labels=LABELS)
    made = {group["name"]: group for group in rules_document(groups)["groups"]}
    wanted = golden("getting-started")
    info = {"sloth_mode": "cli-gen-k8s", "sloth_spec": "sloth.slok.dev/v1"}
    (meta,) = [group for name, group in wanted.items() if "meta" in name]
    meta["rules"][-1]["labels"].update(info)
    assert made == wanted


def camel(value: Any) -> Any:
    """The same in the spelling of Kubernetes."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    spelled = {
        "error_query": "errorQuery",
        "total_query": "totalQuery",
        "page_alert": "pageAlert",
        "ticket_alert": "ticketAlert",
    }
    return {spelled.get(name, name): camel(inner) for name, inner in value.items()}


@pytest.mark.real
@pytest.mark.parametrize("compatible", [True, False])
def test_promtool_accepts_the_rules_of_all_examples(tmp_path, *, compatible: bool) -> None:
    for name in EXAMPLES:
        written(tmp_path, sloth_groups(slos_of(name), BUILT_IN, compatible=compatible))


def test_the_goldens_are_all_here() -> None:
    folder = shared("vectors/sloth/examples/_gen")
    assert sorted(path.stem for path in folder.glob("*.yml")) == sorted(EXAMPLES)
