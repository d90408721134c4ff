"""Runbook files: the shipped ones are good, broken ones say where and why, all at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import BadInput, NotFound
from runbooks.catalogue import Catalogue, load
from runbooks.matching import rank
from runbooks.parsing import MAX_BYTES, parse
from runbooks.planning import action_of, sentence, undo_of
from runbooks.policy import is_executable, tier_of
from runbooks.runbook import Runbook
from runbooks.settings import SHIPPED_LIBRARY

GOOD = """---
id: some-runbook
title: Something is broken
owner: payments
match:
  - {label: provider, values: ["*"], required: true, weight: 2}
propose: switch
steps:
  - id: switch
    title: Switch it
    kind: flag
    tier: R2
    params:
      to: {type: choice, choices: [stripe, adyen], not_label: provider}
      share: {type: int, min: 1, max: 100, default: 25}
    flag: {key: "routing.{to}", value: "{share}"}
    undo: previous_value
    verify: {objectives: [payment-success], segment: {provider: "{to}"}, within: 5m}
  - id: call
    title: Call it
    kind: http
    tier: R1
    params:
      shop: {type: string, pattern: "[a-z ]+", default: "a b"}
    http:
      method: POST
      url: https://api.example.com/shops/{shop}/pause
      body: {shop: "{shop}", hard: false}
    undo: {method: DELETE, url: "https://api.example.com/shops/{shop}/pause"}
    precondition: {url: "https://api.example.com/health", status: 200}
---
Prose.
"""


def runbook(text: str = GOOD) -> Runbook:
    return parse(text.encode(), "some.md")


def problems(text: str) -> dict[str, str]:
    with pytest.raises(BadInput) as caught:
        runbook(text)
    return {str(one["path"]): str(one["reason"]) for one in caught.value.problems}


def test_every_shipped_runbook_can_be_used() -> None:
    runbooks, faults = load(SHIPPED_LIBRARY)
    assert faults == {}
    assert len(runbooks) >= 8
    for one in runbooks.values():
        assert len(one.body) > 600, f"{one.id} explains too little"
        assert one.propose, f"{one.id} proposes nothing"
        proposed = one.step(one.propose)
        assert proposed is not None
        assert is_executable(tier_of(proposed))
        for step in one.steps:
            assert step.has_undo or tier_of(step).rank in {0, 1, 4}, f"{one.id}/{step.id}"


def test_a_good_file_is_read_whole() -> None:
    found = runbook()
    assert [step.id for step in found.steps] == ["switch", "call"]
    assert found.body == "Prose.\n"
    assert found.steps[0].verify is not None
    assert found.steps[0].verify.within_s == 300


@pytest.mark.parametrize(
    ("old", "new", "path", "reason"),
    [
        ("owner: payments", "ownr: payments", "ownr", "did you mean 'owner'?"),
        ("owner: payments\n", "", "owner", "is missing"),
        ("id: some-runbook", "id: Some Runbook", "id", "does not match"),
        ("id: some-runbook", "id: 7", "id", "must be a text, is a number: quote it"),
        ("tier: R2", "tier: R7", "steps[0].tier", "must be one of R0, R1, R2, R3, R4"),
        ("kind: flag", "kind: flags", "steps[0].kind", "did you mean 'flag'?"),
        ("tier: R1", "tier: R4", "steps[1].tier", "R4 is never executed"),
        ('"routing.{to}"', '"routing.{two}"', "steps[0].flag.key", "no parameter 'two'"),
        ('"routing.{to}"', '"routing.{to.__class__}"', "steps[0].flag.key", "not a plain"),
        ('"routing.{to}"', '"routing.{to"', "steps[0].flag.key", "braces do not pair"),
        ("undo: previous_value", "undo: later", "steps[0].undo", "must be one of previous_value"),
        ("max: 100", "max: 0", "steps[0].params.share.min", "1 is above max 0"),
        ("default: 25", "default: 500", "steps[0].params.share.default", "must be 1 to 100"),
        ("choices: [stripe, adyen]", "choices: [no]", "steps[0].params.to.choices[0]", "quote it"),
        ('pattern: "[a-z ]+"', 'pattern: "["', "steps[1].params.shop.pattern", "not a regular"),
        ("https://api.example.com/shops", "https://{shop}/shops", "steps[1].http.url", "the host"),
        ("https://api.example.com/health", "ftp://x/", "steps[1].precondition.url", "not match"),
        ("https://api.example.com/health", "https://me@x/", "steps[1].precondition.url", "match"),
        ("method: POST", "method: GET", "steps[1].http.body", "a GET has no body"),
        ("hard: false", "hard: 0.5", "steps[1].http.body.hard", "a decimal number"),
        ("within: 5m", "within: soon", "steps[0].verify.within", "does not match"),
        ("id: call", "id: switch", "steps[1].id", "stands twice"),
        ("propose: switch", "propose: swich", "propose", "there is no step 'swich'"),
        ('values: ["*"]', "values: []", "match[0].values", "must be a list of texts"),
        ("weight: 2", "weight: heavy", "match[0].weight", "must be a whole number"),
        ("title: Call it", 'title: " "', "steps[1].title", "is empty"),
        ("owner: payments", "owner: payments\nowner: fraud", "$", "'owner' stands twice (line 5)"),
        ("owner: payments", "owner: &a payments\npropose: *a", "$", "anchors and aliases"),
        ("owner: payments", "owner: [", "$", "not YAML"),
        ("owner: payments", "owner: !!python/object:os.system x", "$", "not YAML"),
        ("---\nid", "id", "$", "must begin with YAML front matter"),
    ],
)  # fmt: skip
def test_each_fault_names_its_path_and_reason(old: str, new: str, path: str, reason: str) -> None:
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert reason in found.get(path, ""), found


@pytest.mark.parametrize(
    "value",
    [
        "2026-13-45",
        "9" * 5_000,
        "[" * 20_000,
        "{a: " * 5_000,
        "!!int x",
        "!!bool x",
        "!!timestamp x",
    ],
    ids=lambda value: value[:12],
)
def test_a_value_that_yaml_cannot_make_is_the_files_fault_and_nobody_elses(
    tmp_path: Path, value: str
) -> None:
    (tmp_path / "good.md").write_text(GOOD)
    (tmp_path / "odd.md").write_text(f"---\nid: {value}\n---\n")
    good, broken = load(tmp_path)
    assert (list(good), list(broken)) == (["some-runbook"], ["odd.md"])
    assert "odd.md cannot be used" in broken["odd.md"].message


def test_all_faults_come_at_once() -> None:
    broken = GOOD.replace("tier: R2", "tier: X").replace("owner: payments", "ownr: 1")
    assert set(problems(broken)) >= {"owner", "ownr", "steps[0].tier"}


def test_a_file_too_large_or_not_text_is_refused() -> None:
    for data in (b"---\n" + b"x" * MAX_BYTES, b"---\n\xff\n---\n", b""):
        with pytest.raises(BadInput):
            parse(data, "x.md")


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_any_bytes_are_read_or_refused(junk: bytes, at: int) -> None:
    data = GOOD.encode()
    try:
        found = parse(data[:at] + junk + data[at:], "x.md")
    except BadInput as error:
        assert error.message  # noqa: PT017 - both ways are fine
    else:
        assert found.id


def test_parameters_cannot_leave_their_place_in_an_address() -> None:
    step = runbook().steps[1]
    action = action_of(step, {"shop": "../x?y=1#z"})
    assert action["url"] == "https://api.example.com/shops/..%2Fx%3Fy%3D1%23z/pause"
    with pytest.raises(BadInput):
        action_of(step, {"shop": ".."})


def test_the_undo_of_a_request_is_the_written_one() -> None:
    step = runbook().steps[1]
    undo = undo_of(step, {"shop": "a b"}, {})
    assert undo is not None
    assert sentence(undo) == "Send DELETE https://api.example.com/shops/a%20b/pause"


def test_a_number_stays_a_number_in_the_flag() -> None:
    step = runbook().steps[0]
    assert action_of(step, {"to": "stripe", "share": 25})["value"] == 25


def test_ranking_is_by_weight_and_says_why() -> None:
    runbooks, _ = load(SHIPPED_LIBRARY)
    labels = {
        "service": "payments",
        "objective": "payment-success-adyen",
        "provider": "adyen",
        "country": "DE",
        "error_type": "provider_5xx",
        "change_kind": "deploy",
        "change_service": "recommendations",
    }
    first = rank(runbooks.values(), labels)[0]
    assert (first.runbook.id, first.step.id) == ("payment-provider-outage", "reroute-region")
    assert first.params == {"region": "eu-central", "to_provider": "stripe"}
    assert "error_type = provider_5xx (+4)" in first.why


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (
            {"objective": "payment-latency", "provider": "stripe", "region": "us-east"},
            "payment-provider-slow",
        ),
        ({"error_type": "3ds_timeout", "region": "eu-west"}, "three-d-secure-failures"),
        ({"decline_class": "issuer", "objective": "payment-success"}, "decline-rate-spike"),
        ({"change_kind": "deploy", "change_service": "checkout"}, "checkout-errors-after-deploy"),
        ({"objective": "checkout-latency", "service": "checkout"}, "checkout-latency"),
        ({"alertname": "shop-silence"}, "silent-checkout"),
        ({"error_type": "payment_expired", "provider": "adyen"}, "webhook-delay"),
        ({"decline_class": "fraud"}, "fraud-rule-misfire"),
        ({"error_type": "tax_timeout", "service": "checkout"}, "currency-or-tax-service-failure"),
    ],
)  # fmt: skip
def test_each_shipped_runbook_is_found_by_its_signs(labels: dict[str, str], expected: str) -> None:
    runbooks, _ = load(SHIPPED_LIBRARY)
    assert rank(runbooks.values(), labels)[0].runbook.id == expected


def test_nothing_fits_empty_labels() -> None:
    runbooks, _ = load(SHIPPED_LIBRARY)
    assert rank(runbooks.values(), {}) == []
    assert rank(runbooks.values(), {"provider": ""}) == []


@given(st.dictionaries(st.sampled_from(["provider", "region", "error_type"]), st.text(max_size=30)))
def test_parameters_come_from_closed_lists_whatever_the_labels_say(labels: dict[str, str]) -> None:
    runbooks, _ = load(SHIPPED_LIBRARY)
    for match in rank([runbooks["payment-provider-outage"]], labels):
        if match.step.id == "reroute-region":
            assert match.params["to_provider"] in {"stripe", "adyen"}
            assert match.params["to_provider"] != labels["provider"]


def test_a_broken_file_hides_no_other_and_a_repaired_one_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(GOOD)
    (tmp_path / "b.md").write_text(GOOD.replace("owner: payments", "ownr: payments"))
    (tmp_path / "c.md").write_text(GOOD)
    (tmp_path / "README.md").write_text("about this folder")
    catalogue = Catalogue(tmp_path)
    assert [one.id for one in catalogue.all()] == ["some-runbook"]
    assert set(catalogue.problems()) == {"b.md", "c.md"}
    (tmp_path / "b.md").write_text(GOOD.replace("id: some-runbook", "id: other"))
    os.utime(tmp_path / "b.md", ns=(1, 1))
    assert {one.id for one in catalogue.all()} == {"some-runbook", "other"}
    with pytest.raises(NotFound):
        catalogue.get("third")
