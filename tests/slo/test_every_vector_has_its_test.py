"""Each numeric vector V1 to V24 and each row of the edge-case table has a module of its own.

The list of rows stands here; where the field notes lie beside the repository it is compared with
theirs, so that a new row is missed at once.
"""

import ast
import re
from pathlib import Path

import pytest

from tests.shared_data import shared

HERE = Path(__file__).parent
VECTORS = range(1, 25)
EDGE_CASES = {
    "zero events in slice": "zero_events",
    "coverage": "coverage",
    "stale source": "stale_source",
    "late data": "late_data",
    "counter reset / first sample": "counter_reset_and_first_sample",
    "groups in time slices": "groups_in_time_slices",
    "corrections": "corrections",
    "maximum burn": "maximum_burn",
    "target edit": "target_edit",
    "partial first window": "partial_first_window",
    "calendar zone/DST": "calendar_zone_and_dst",
    "month end": "month_end",
    "weekly view": "weekly_view",
    "severity with two windows": "severity_with_two_windows",
    "composite with NO_DATA member": "composite_with_no_data_member",
    "target 100 %": "target_of_100_percent",
}


def names_of_tests(path: Path) -> list[str]:
    tree = ast.parse(path.read_text())
    return [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


@pytest.mark.parametrize("number", VECTORS)
def test_a_vector_has_a_module_with_tests(number: int) -> None:
    modules = list((HERE / "vectors").glob(f"test_v{number:02}_*.py"))
    assert modules
    assert all(names_of_tests(module) for module in modules)


@pytest.mark.parametrize("module", EDGE_CASES.values())
def test_a_row_of_the_edge_case_table_has_a_module_with_tests(module: str) -> None:
    assert len(names_of_tests(HERE / "edge_cases" / f"test_{module}.py")) > 1


def test_no_module_stands_for_no_vector_or_row() -> None:
    vectors = {path.name[6:8] for path in (HERE / "vectors").glob("test_*.py")}
    assert vectors == {f"{number:02}" for number in VECTORS}
    found = {path.stem.removeprefix("test_") for path in (HERE / "edge_cases").glob("test_*.py")}
    # What alerts make of a row may stand in a module of its own beside it.
    assert {name.removesuffix("_alert") for name in found} == set(EDGE_CASES.values())


def test_the_rows_and_vectors_are_those_of_the_field_notes() -> None:
    text = shared("field/slo.md").read_text()
    table = text.partition("### 2.8")[2].partition("### 2.9")[0]
    rows = re.findall(r"^\| ([^|]+?) \|", table, re.MULTILINE)
    assert [row for row in rows if row not in {"case", "---"}] == list(EDGE_CASES)
    vectors = text.partition("### 3.6")[2].partition("## 5")[0]
    assert re.findall(r"^\| V(\d+) ", vectors, re.MULTILINE) == [str(one) for one in VECTORS]
