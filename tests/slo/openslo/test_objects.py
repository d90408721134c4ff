"""The head of every object, the plain kinds, the metric sources, and the forms of a file."""

from __future__ import annotations

import json

import pytest
import yaml

from slo.openslo import read_openslo
from tests.slo.openslo.samples import GOOD, changed, faults

HEAD = "apiVersion: openslo/v1\n"
SERVICE = HEAD + "kind: Service\nmetadata: {name: payments}\nspec: {}\n"
SOURCE = (
    HEAD + "kind: DataSource\nmetadata: {name: till}\nspec: {type: Any, connectionDetails: {}}\n"
)


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        (SERVICE.replace("payments", "Pay_ments"), "$.metadata.name", "lower case letters"),
        (SERVICE.replace("payments", "p" * 64), "$.metadata.name", "at most 63"),
        (SERVICE.replace("payments", '""'), "$.metadata.name", "lower case letters"),
        (SERVICE.replace("{name: payments}", "{}"), "$.metadata.name", "missing"),
        (SERVICE.replace("spec: {}", "spce: {}"), "$.spce", 'did you mean "spec"?'),
        (SERVICE.replace("spec: {}\n", ""), "$.spec", "missing"),
        (SERVICE.replace("kind: Service", "kind: Servce"), "$.kind", 'did you mean "Service"?'),
        (SERVICE.replace("openslo/v1", "openslo/v1alpha"), "$.apiVersion", "not supported"),
        (SERVICE.replace("apiVersion: openslo/v1\n", ""), "$.apiVersion", "is wanted"),
        (SERVICE.replace("{}", "{descripton: a}"), "$.spec.descripton", "description"),
        (
            SERVICE.replace("{}", f"{{description: {'d' * 1051}}}"),
            "$.spec.description",
            "longer than 1050",
        ),
        (
            SERVICE.replace("payments}", f"payments, displayName: {'d' * 64}}}"),
            "$.metadata.displayName",
            "longer than 63",
        ),
        (
            SERVICE.replace("payments}", "payments, labels: {-a: b}}"),
            "$.metadata.labels.-a",
            "not a label",
        ),
        (
            SERVICE.replace("payments}", "payments, labels: {a: [b, 1]}}"),
            "$.metadata.labels.a",
            "list of texts",
        ),
        (
            SERVICE.replace("payments}", "payments, annotations: {A.b/c: d}}"),
            "$.metadata.annotations['A.b/c']",
            "not an annotation",
        ),
        (
            SERVICE.replace("payments}", "payments, annotations: {tillwatch/owner: d}}"),
            "$.metadata.annotations['tillwatch/owner']",
            "belong to the SLO",
        ),
        (SOURCE.replace("type: Any, ", ""), "$.spec.type", "missing"),
        (SOURCE.replace(", connectionDetails: {}", ""), "$.spec.connectionDetails", "missing"),
    ],
)
def test_a_fault_of_an_object_is_told_with_its_place(text: str, place: str, word: str) -> None:
    assert word in faults(text)[place]


@pytest.mark.parametrize(
    "words",
    [
        "labels: {env: prod, team: [a, b]}",
        "displayName: Payments",
        "annotations: {other.example/note: text, plain: text}",
    ],
)
def test_a_good_head_is_taken(words: str) -> None:
    assert faults(SERVICE.replace("{name: payments}", f"{{name: payments, {words}}}")) == {}


RATIO = "$.spec.indicator.spec.ratioMetric"
GOOD_PART = "good: {metricSource: {type: tillwatch, spec: {events: [payment.succeeded]}}}"


@pytest.mark.parametrize(
    ("old", "new", "place", "word"),
    [
        ("counter: true", "counter: often", f"{RATIO}.counter", "true or false"),
        (GOOD_PART, f"{GOOD_PART}\n        bad: {GOOD_PART[6:]}", RATIO, "exactly one of good"),
        (GOOD_PART, "", RATIO, "exactly one of good and bad"),
        (GOOD_PART, f"{GOOD_PART}\n        rawType: success", f"{RATIO}.rawType", "without raw"),
        (GOOD_PART, f"raw: {GOOD_PART[6:]}", f"{RATIO}.rawType", "missing"),
        (
            GOOD_PART,
            f"{GOOD_PART}\n        raw: {GOOD_PART[6:]}\n        rawType: success",
            f"{RATIO}.good",
            "beside raw",
        ),
        ("type: tillwatch, spec", "spec", f"{RATIO}.good.metricSource", "type and metricSource"),
        (
            "spec: {events: [payment.succeeded]}",
            "spec: {}",
            f"{RATIO}.good.metricSource.spec",
            "mapping",
        ),
        (
            "events: [payment.succeeded]}",
            "events: [[payment.succeeded]]}",
            f"{RATIO}.good.metricSource.spec.events[0]",
            "unknown event type",
        ),
        (
            "events: [payment.succeeded]}",
            "events: [checkout.completed]}",
            f"{RATIO}.good",
            "not among the events of total",
        ),
        ("name: payment-success}", "}", "$.spec.indicator.metadata.name", "missing"),
        ("budgetingMethod: Occurrences\n", "\n", "$.spec.budgetingMethod", "missing"),
        ("[{displayName: 99.9 %, target: 0.999}]", "[]", "$.spec.objectives", "1 to 50"),
        ("displayName: 99.9 %, target: 0.999", "", "$.spec.objectives[0]", "exactly one of target"),
        ("service: payments\n", "service: Pay ments\n", "$.spec.service", "lower case"),
    ],
)
def test_a_fault_of_an_slo_is_told_with_its_place(
    old: str, new: str, place: str, word: str
) -> None:
    assert word in faults(changed((old, new)))[place]


def test_a_raw_ratio_of_ours_is_refused_because_attempts_are_counted() -> None:
    part = f"raw: {GOOD_PART[6:]}\n        rawType: failure"
    head, rest = changed((GOOD_PART, part)).split("        total:\n")
    text = head + "  timeWindow:" + rest.split("  timeWindow:")[1]
    assert "never ratios" in faults(text)[f"{RATIO}.raw"]
    assert faults(text.replace("type: tillwatch", "type: Prometheus")) == {}


def test_bad_over_total_is_counted() -> None:
    text = changed((GOOD_PART, GOOD_PART.replace("good:", "bad:").replace("succeeded", "failed")))
    [one] = read_openslo(text).objectives
    assert one.indicator.bad is not None
    assert one.indicator.good is None


def test_json_is_read_as_json_with_exact_numbers() -> None:
    document = yaml.load(GOOD, Loader=yaml.BaseLoader)
    document["spec"]["objectives"] = [{"target": 0.5}]
    document["spec"]["timeWindow"][0]["isRolling"] = True
    document["spec"]["indicator"]["spec"]["ratioMetric"]["counter"] = True
    text = json.dumps(document, indent="\t").replace("0.5", "0.99999999999999999999")
    [one] = read_openslo(text).objectives
    assert 1 - one.target == pytest.approx(1e-20)
    assert one.budget_ratio.denominator == 10**20


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('{"kind": "SLO", "kind": "SLI"}', "stands twice"),
        ('{"a": NaN}', "NaN"),
        ("[1, ", "JSON"),
    ],
)
def test_json_that_two_readers_could_read_differently_is_refused(text: str, word: str) -> None:
    [problem] = read_openslo(text, "one.json").problems
    assert word in problem.reason


def test_an_item_that_is_no_object_is_a_fault_and_the_rest_is_read() -> None:
    reading = read_openslo(f"- 7\n- {json.dumps(yaml.safe_load(SERVICE))}\n")
    assert [(one.path, one.value) for one in reading.problems] == [("#0 $", "7")]
    assert reading.kinds == {"Service": 1}
