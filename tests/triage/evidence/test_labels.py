"""Labels that runbooks match on: from alerts, segments and counts, and they do not flicker."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from triage.evidence.breakdown import break_down
from triage.evidence.evidence import IncidentContext, Verdict
from triage.evidence.labels import labels_of


@dataclass(frozen=True)
class Row:
    bad: bool
    fields: dict[str, str]


def context(**known) -> IncidentContext:
    return IncidentContext("inc", "t", "payments", 0, 1, **known)


def failing(errors: dict[str, int], good: int = 300) -> list[Row]:
    rows = [
        Row(True, {"provider": "adyen", "error_type": name, "attributes.psp": "a1"})
        for name, count in errors.items()
        for _ in range(count)
    ]
    return rows + [Row(False, {"provider": "stripe", "attributes.psp": "s1"})] * good


def test_alerts_segments_and_counts_meet_and_the_counts_win():
    known = context(
        labels={"alertname": "A", "provider": "stripe"},
        objective_ids=("payment-success", "other"),
        segments=({"provider": "stripe", "method": "card"}, {"provider": "stripe"}),
    )
    labels = labels_of(known, break_down(failing({"timeout": 30})), Verdict.CANNOT_TELL)
    assert labels == {
        "alertname": "A",
        "service": "payments",
        "objective": "payment-success",
        "provider": "adyen",
        "error_type": "timeout",
        "verdict": "cannot_tell",
    }


@pytest.mark.parametrize("errors", [{"b": 20, "a": 18}, {"b": 18, "a": 20}, {"b": 20, "a": 13}])
def test_of_errors_about_as_common_as_each_other_always_the_same_is_the_label(errors):
    labels = labels_of(context(), break_down(failing(errors)), Verdict.CANNOT_TELL)
    assert labels["error_type"] == "a"


def test_a_rare_error_is_no_label():
    errors = {f"e{n}": 5 for n in range(20)}
    labels = labels_of(context(), break_down(failing(errors)), Verdict.CANNOT_TELL)
    assert "error_type" not in labels


def test_without_counts_the_burning_segment_stands():
    known = context(segments=({"provider": "adyen", "method": ""},))
    labels = labels_of(known, None, Verdict.CANNOT_TELL)
    assert labels["provider"] == "adyen"
    assert "method" not in labels
