"""One good OpenSLO file that counts our events, and ways to break it."""

from __future__ import annotations

from slo.openslo import read_openslo

GOOD = """
apiVersion: openslo/v1
kind: SLO
metadata:
  name: payment-success
  displayName: Payments succeed
  annotations:
    tillwatch/segments: provider, country
    tillwatch/sources: shop
    tillwatch/deadlines: card=60s, bank_transfer=none, default=5m
    tillwatch/max-gap: 10m
    tillwatch/min-bad-events: "7"
    tillwatch/fast-tier: "off"
    tillwatch/bump-allowance: 1.5s
    tillwatch/owner: payments
    other.example/note: left alone
spec:
  service: payments
  indicator:
    metadata: {name: payment-success}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: tillwatch, spec: {events: [payment.succeeded]}}}
        total:
          metricSource:
            type: tillwatch
            spec:
              events: [payment.succeeded, payment.failed, payment.expired]
              where: {country: [NO, DE]}
              excludeWhere: {decline_class: [issuer, fraud, authentication, customer]}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{displayName: 99.9 %, target: 0.999}]
"""


def faults(text: str) -> dict[str, str]:
    """Path -> fault of one file read by itself."""
    reading = read_openslo(text)
    return {problem.path: str(problem) for problem in reading.problems}


def changed(*edits: tuple[str, str]) -> str:
    """The good file with parts replaced; each part must be there."""
    text = GOOD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return text
