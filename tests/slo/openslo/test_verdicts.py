"""Every public OpenSLO file gets the verdict of OpenSLO's own validator, or a stricter one."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo.catalogue import read_files
from slo.openslo import Reading, read_openslo
from tests.shared_data import shared

V1 = "openslo-sdk/pkg/openslo/v1/examples"
DECODE = "openslo-sdk/pkg/openslosdk/test_data/decode"
SAMPLES = "openslo/examples"

# File -> number of its objects. None of them counts our events: they are valid and not counted.
VALID = {
    f"{SAMPLES}/budgeting-method/occurences-slo.yaml": 1,
    f"{V1}/alert_conditions.yaml": 2,
    f"{V1}/alert_notification_targets.yaml": 2,
    f"{V1}/alert_policies.yaml": 3,
    f"{V1}/data_sources.yaml": 2,
    f"{V1}/services.yaml": 2,
    f"{V1}/slis.yaml": 4,
    f"{DECODE}/single_object.json": 1,
    f"{DECODE}/single_object.yaml": 1,
    f"{DECODE}/sequence_of_objects.json": 2,
    f"{DECODE}/sequence_of_objects.yaml": 2,
    f"{DECODE}/two_documents.yaml": 2,
}
# File -> all of its faults, as (path, word of the reason). More than the validator's stand at
# time slices of one minute: `duration: 1m` of a calendar window is a minute, and a month is meant.
INVALID = {
    f"{SAMPLES}/budgeting-method/timeslices-slo.yaml": [
        ("#0 $.spec.timeWindow[0].duration", "M a month"),
        ("#0 $.spec.objectives[0].op", "beside a ratioMetric"),
    ],
    f"{SAMPLES}/budgeting-method/ratio-timeslices.yaml": [
        ("#0 $.spec.objectives[0].op", "beside a ratioMetric"),
    ],
    f"{SAMPLES}/treat-low-traffic-as-equally-important/timeslices-slo.yaml": [
        ("#0 $.spec.objectives[0].op", "beside a ratioMetric"),
    ],
    f"{V1}/slos.yaml": [("#0 $.spec.objectives[0].op", "beside a ratioMetric")],
    f"{DECODE}/v1_slos.yaml": [("#0 $.spec.timeWindow", "exactly one window")],
    f"{DECODE}/v2alpha_slos.yaml": [
        ("#0 $.apiVersion", "version is not supported"),
        ("#1 $.apiVersion", "version is not supported"),
    ],
    f"{DECODE}/v2alpha_data_source.yaml": [("#0 $.apiVersion", "version is not supported")],
}


def reading_of(name: str) -> Reading:
    path = shared(f"vectors/{name}")
    return read_openslo(path.read_text(), path.name)


@pytest.mark.parametrize("name", sorted(VALID))
def test_a_valid_file_is_valid_and_what_we_do_not_count_is_said(name: str) -> None:
    reading = reading_of(name)
    assert reading.problems == []
    assert sum(reading.kinds.values()) == VALID[name]
    assert reading.objectives == []
    assert len(reading.uncounted) == reading.kinds.get("SLO", 0)


@pytest.mark.parametrize("name", sorted(INVALID))
def test_an_invalid_file_is_refused_for_the_reasons_of_the_table(name: str) -> None:
    reading = reading_of(name)
    faults = [(one.path.removeprefix(Path(name).name), one.reason) for one in reading.problems]
    assert [path for path, _ in faults] == [path for path, _ in INVALID[name]]
    for (_, reason), (_, word) in zip(faults, INVALID[name], strict=True):
        assert word in reason
    assert reading.uncounted == []


def test_no_public_file_is_without_a_verdict() -> None:
    found = {
        str(path.relative_to(shared("vectors")))
        for folder in ("openslo", "openslo-sdk")
        for path in shared(f"vectors/{folder}").rglob("*")
        if path.suffix in {".yaml", ".yml", ".json"}
    }
    assert found == {*VALID, *INVALID}


def test_a_file_given_alone_may_point_outside_and_says_where_to() -> None:
    path = shared(f"vectors/{V1}/alert_policies.yaml")
    reading = read_files([path])
    assert reading.problems == []
    assert any("no AlertCondition 'cpu-usage-breach'" in note for note in reading.notes)


def test_the_folder_of_the_examples_is_no_whole_set_and_every_hole_is_named() -> None:
    folder = shared(f"vectors/{V1}")
    reading = read_files(sorted(folder.glob("*.yaml")), folder=folder)
    reasons = {one.path: one.reason for one in reading.problems}
    holes = [path for path, reason in reasons.items() if reason.startswith("leads nowhere")]
    assert "alert_policies.yaml#0 $.spec.notificationTargets[0].targetRef" in holes
    assert "slis.yaml#0 $.spec.ratioMetric.good.metricSource.metricSourceRef" in holes
    # cpu-usage-breach is there, prometheus is there; the rest of the names lead nowhere.
    assert not any("conditionRef" in path for path in holes)
    assert "services.yaml#1 $.metadata.name" in reasons


def test_sloths_files_are_told_apart_by_their_version() -> None:
    for path in sorted(shared("vectors/sloth").rglob("*.y*ml")):
        if "\napiVersion: openslo/v1alpha" in path.read_text():
            reading = read_openslo(path.read_text(), path.name)
            assert any("not supported" in one.reason for one in reading.problems), path
