"""Table 2.8, "target 100 %": refused with a reason, in both ways of writing it."""

import pytest

from slo.openslo.reader import read_openslo

TEXT = """
apiVersion: openslo/v1
kind: SLO
metadata: {{name: payment-success}}
spec:
  service: payments
  indicator:
    metadata: {{name: payment-success}}
    spec:
      ratioMetric:
        counter: true
        good: {{metricSource: {{type: tillwatch, spec: {{events: [payment.succeeded]}}}}}}
        total:
          metricSource: {{type: tillwatch, spec: {{events: [payment.succeeded, payment.failed]}}}}
  timeWindow: [{{duration: 28d, isRolling: true}}]
  budgetingMethod: Occurrences
  objectives: [{{displayName: all, {target}}}]
"""


@pytest.mark.parametrize("target", ["target: 1", "target: 1.0", "targetPercent: 100"])
def test_100_percent_is_refused_because_it_leaves_no_budget(target: str) -> None:
    reading = read_openslo(TEXT.format(target=target))
    assert reading.objectives == []
    [problem] = reading.problems
    assert problem.path.endswith("." + target.partition(":")[0])
    assert "leaves no budget" in problem.reason


def test_as_near_as_one_likes_is_taken() -> None:
    reading = read_openslo(TEXT.format(target="target: 0.999999"))
    assert reading.problems == []
    assert len(reading.objectives) == 1
