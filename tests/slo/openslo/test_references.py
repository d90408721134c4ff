"""A folder is one set: names are unique by kind, and every reference leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo.catalogue import Catalogue, read_folder
from slo.openslo import read_openslo
from tests.slo.openslo.samples import GOOD, changed

HEAD = "apiVersion: openslo/v1\n"
SLI = (
    HEAD
    + """kind: SLI
metadata: {name: paid}
spec:
  ratioMetric:
    bad: {metricSource: {metricSourceRef: till, spec: {events: [payment.failed]}}}
    total:
      metricSource:
        metricSourceRef: till
        spec: {events: [payment.succeeded, payment.failed]}
"""
)
SOURCE = (
    HEAD
    + """kind: DataSource
metadata: {name: till}
spec: {type: tillwatch, connectionDetails: {}}
"""
)
CONDITION = (
    HEAD
    + """kind: AlertCondition
metadata: {name: quick}
spec:
  severity: page
  condition: {kind: burnrate, op: gte, threshold: 14.4, lookbackWindow: 1h, alertAfter: 5m}
"""
)
TARGET = HEAD + "kind: AlertNotificationTarget\nmetadata: {name: duty}\nspec: {target: slack}\n"
POLICY = (
    HEAD
    + """kind: AlertPolicy
metadata: {name: urgent}
spec:
  alertWhenBreaching: true
  conditions: [{conditionRef: quick}]
  notificationTargets: [{targetRef: duty}]
"""
)
SLO = (
    HEAD
    + """kind: SLO
metadata: {name: payment-success}
spec:
  service: payments
  indicatorRef: paid
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
  alertPolicies: [{alertPolicyRef: urgent}]
"""
)
SERVICE = HEAD + "kind: Service\nmetadata: {name: payments}\nspec: {description: Money}\n"
PARTS = {
    "conditions/quick.yaml": CONDITION,
    "duty.yaml": TARGET,
    "policy.yaml": POLICY,
    "services.yml": SERVICE,
    "sli.yaml": SLI,
    "slo.yaml": SLO,
    "source.yaml": SOURCE,
}


def written(folder: Path, parts: dict[str, str]) -> Path:
    for name, text in parts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_an_objective_is_put_together_from_seven_files(tmp_path: Path) -> None:
    catalogue = Catalogue.load(written(tmp_path, PARTS))
    [one] = catalogue.all()
    assert one.indicator.bad is not None
    assert one.indicator.bad.events == {"payment.failed"}
    assert [(tier.name, tier.long_s, tier.short_s, tier.page) for tier in one.tiers] == [
        ("quick", 3600, 300, True)
    ]


def test_the_same_objective_in_one_file_is_the_same(tmp_path: Path) -> None:
    [whole] = Catalogue.load(written(tmp_path, PARTS)).all()
    [one] = read_openslo("---\n".join(PARTS.values())).objectives
    assert one == whole


@pytest.mark.parametrize(
    ("missing", "place"),
    [
        ("sli.yaml", "slo.yaml#0 $.spec.indicatorRef"),
        ("policy.yaml", "slo.yaml#0 $.spec.alertPolicies[0].alertPolicyRef"),
        ("conditions/quick.yaml", "policy.yaml#0 $.spec.conditions[0].conditionRef"),
        ("duty.yaml", "policy.yaml#0 $.spec.notificationTargets[0].targetRef"),
        ("source.yaml", "sli.yaml#0 $.spec.ratioMetric.bad.metricSource.metricSourceRef"),
    ],
)
def test_a_reference_that_leads_nowhere_is_named(tmp_path: Path, missing: str, place: str) -> None:
    parts = {name: text for name, text in PARTS.items() if name != missing}
    faults = {one.path: one.reason for one in read_folder(written(tmp_path, parts)).problems}
    assert faults[place].startswith("leads nowhere")


def test_a_misspelled_reference_is_answered_with_the_name_that_was_meant(tmp_path: Path) -> None:
    parts = {**PARTS, "slo.yaml": SLO.replace("indicatorRef: paid", "indicatorRef: payd")}
    [fault] = read_folder(written(tmp_path, parts)).problems
    assert 'did you mean "paid"?' in fault.reason


def test_a_service_must_be_one_of_those_that_the_set_names(tmp_path: Path) -> None:
    parts = {**PARTS, "slo.yaml": SLO.replace("service: payments", "service: payment")}
    [fault] = read_folder(written(tmp_path, parts)).problems
    assert (fault.path, fault.value) == ("slo.yaml#0 $.spec.service", "'payment'")
    assert 'did you mean "payments"?' in fault.reason


def test_a_set_without_services_takes_every_name(tmp_path: Path) -> None:
    assert read_folder(written(tmp_path, {"one.yaml": GOOD})).problems == []


@pytest.mark.parametrize("name", sorted(PARTS))
def test_two_objects_of_one_kind_cannot_share_a_name(tmp_path: Path, name: str) -> None:
    parts = {**PARTS, "again.yaml": PARTS[name]}
    faults = [one.path for one in read_folder(written(tmp_path, parts)).problems]
    assert faults == [f"{name}#0 $.metadata.name"]


def test_one_name_may_stand_for_objects_of_different_kinds(tmp_path: Path) -> None:
    named = {**PARTS, "sli.yaml": SLI.replace("name: paid", "name: payments")}
    named["slo.yaml"] = SLO.replace("indicatorRef: paid", "indicatorRef: payments")
    assert read_folder(written(tmp_path, named)).problems == []


def test_a_fault_of_what_is_pointed_at_is_told_once_and_where_it_stands(tmp_path: Path) -> None:
    parts = {**PARTS, "sli.yaml": SLI.replace("[payment.failed]", "[payment.faild]")}
    faults = [one.path for one in read_folder(written(tmp_path, parts)).problems]
    place = "sli.yaml#0 $.spec.ratioMetric.bad.metricSource.spec.events[0]"
    assert faults == [place, "sli.yaml#0 $.spec.ratioMetric.bad"]


def test_a_type_that_contradicts_the_data_source_is_refused() -> None:
    text = SLI.replace("metricSourceRef: till,", "metricSourceRef: till, type: Prometheus,")
    faults = [str(one) for one in read_openslo(f"{SOURCE}---\n{text}").problems]
    assert "is of type tillwatch" in faults[0]


def test_a_threshold_that_is_pointed_at_wants_op_and_value_as_an_inline_one_does() -> None:
    sli = (
        HEAD
        + """kind: SLI
metadata: {name: paid}
spec:
  thresholdMetric:
    metricSource: {type: tillwatch, spec: {events: [payment.succeeded], field: latency_ms}}
"""
    )
    slo = SLO.partition("  alertPolicies")[0]
    faults = [one.path for one in read_openslo(f"{sli}---\n{slo}").problems]
    assert faults == ["#1 $.spec.objectives[0].op", "#1 $.spec.objectives[0].value"]
    good = slo.replace("{target: 0.999}", "{target: 0.999, op: lt, value: 250}")
    [one] = read_openslo(f"{sli}---\n{good}").objectives
    assert one.indicator.threshold is not None
    assert one.indicator.threshold.limit == 250


def test_what_is_measured_elsewhere_is_valid_and_not_counted() -> None:
    text = changed(("{type: tillwatch,", "{type: Prometheus,"), ("type: tillwatch", "type: Prom"))
    reading = read_openslo(text)
    assert (reading.problems, reading.objectives) == ([], [])
    assert reading.uncounted == ["payment-success"]
    assert reading.notes == [
        "$: payment-success is valid and not counted here: it is measured by Prom, Prometheus"
    ]


def test_a_mixture_of_our_events_with_another_source_is_refused() -> None:
    reading = read_openslo(changed(("{type: tillwatch,", "{type: Prometheus,")))
    assert [one.path for one in reading.problems] == ["$.spec.indicator.spec.ratioMetric"]


def test_a_slip_of_the_pen_is_no_foreign_source() -> None:
    reading = read_openslo(changed(("{type: tillwatch,", "{type: Tillwach,")))
    [fault] = reading.problems
    assert 'did you mean "tillwatch"?' in fault.reason
