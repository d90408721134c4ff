"""docs/objectives.md says what the reader does."""

from __future__ import annotations

import re
from pathlib import Path

from slo.openslo import read_openslo
from slo.openslo.annotations import KNOWN
from slo.openslo.metadata import PREFIX
from tests.slo.openslo.samples import GOOD

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "objectives.md").read_text()


def test_the_example_of_the_page_is_a_good_objective() -> None:
    [text] = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    reading = read_openslo(text)
    assert (reading.problems, reading.notes) == ([], [])
    assert [one.id for one in reading.objectives] == ["payment-success"]


def test_the_page_lists_every_annotation_and_no_other() -> None:
    table = PAGE.partition("## Annotations")[2].partition("\n\nAnnotations")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert {f"{PREFIX}{name}" for name in listed} == set(KNOWN)


def test_the_faults_of_the_page_are_told_in_these_words() -> None:
    text = GOOD.replace("service: payments", "servce: payments").replace("0.999", "1.0")
    said = {str(one) for one in read_openslo(text, "payment.yaml").problems}
    shown = [line for line in PAGE.splitlines() if line.startswith("payment.yaml#0")]
    assert len(shown) == 2
    assert set(shown) <= said
