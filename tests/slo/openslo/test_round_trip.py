"""What is exported is read back as the identical objective; exporting that changes nothing."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from kernel.errors import BadInput
from slo.catalogue import SHIPPED, Catalogue
from slo.objective import Objective
from slo.openslo import read_openslo
from slo.openslo.export import to_json_data, to_yaml
from tests.slo.openslo.made import objectives
from tests.slo.openslo.samples import GOOD

GOLDENS = Path(__file__).parent / "goldens"


def read_back(text: str) -> list[Objective]:
    reading = read_openslo(text)
    assert reading.problems == []
    return reading.objectives


@given(objectives())
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_law_reading_an_export_gives_the_identical_objective(one: Objective) -> None:
    text = to_yaml([one])
    assert read_back(text) == [one]
    assert to_yaml(read_back(text)) == text


def test_an_export_says_what_a_written_file_says() -> None:
    found = read_back(GOOD)
    assert read_back(to_yaml(found)) == found


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_objectives_are_exported_as_their_goldens(path: Path) -> None:
    text = to_yaml(read_back(path.read_text()))
    if os.environ.get("TILLWATCH_WRITE_GOLDENS"):
        (GOLDENS / path.name).write_text(text)
    assert text == (GOLDENS / path.name).read_text()


def test_all_of_them_in_one_file_are_the_catalogue() -> None:
    shipped = Catalogue.load().all()
    assert read_back(to_yaml(shipped)) == shipped


def test_the_export_as_json_is_read_back_too() -> None:
    shipped = Catalogue.load().all()
    text = json.dumps([to_json_data(one) for one in shipped])
    assert read_back(text) == shipped


def test_a_target_that_no_decimal_number_says_is_refused_with_a_way_out() -> None:
    [one] = read_back(GOOD)
    with pytest.raises(BadInput, match="no end") as caught:
        to_yaml([replace(one, target=Fraction(2, 3))])
    assert "round it" in caught.value.hint


def test_a_target_with_more_digits_than_json_keeps_is_refused_there_only() -> None:
    [one] = read_back(GOOD.replace("0.999", "0.99999999999999999999"))
    assert read_back(to_yaml([one])) == [one]
    with pytest.raises(BadInput, match="more digits"):
        to_json_data(one)
