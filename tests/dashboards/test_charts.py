"""Server-made SVG is well formed, stays in its box and says in words what it shows."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts import budget_bar, sparkline
from dashboards.slo_page import sli_chart, volume_chart
from kernel.clock import SECOND_US

VALUES = st.lists(st.one_of(st.none(), st.floats(min_value=-1e9, max_value=1e9)), max_size=60)
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)
POINTS = st.lists(
    st.fixed_dictionaries({"good": st.integers(0, 1000), "bad": st.integers(0, 1000)}), min_size=1
)


def series(points):
    return [{"at_us": index * 60 * SECOND_US, **one} for index, one in enumerate(points)]


@given(st.one_of(st.none(), st.floats(min_value=-50, max_value=50)), TEXT)
def test_a_bar_never_leaves_its_box_and_is_empty_without_data(left, label):
    svg = ET.fromstring(str(budget_bar(left, "ok", label)))
    width = float(svg.findall("rect")[1].get("width"))
    assert 0 <= width <= 200
    assert svg.get("aria-label") == label
    if left is None or left <= 0:
        assert width == 0


@given(VALUES)
def test_a_sparkline_stays_in_its_box_and_has_a_gap_where_the_data_has(values):
    known = [value for value in values if value is not None]
    text = str(sparkline(values, "share"))
    if len(known) < 2:
        assert "no data" in text
        return
    path = ET.fromstring(text).find("path").get("d")
    points = path.replace("M", " M ").replace("L", " L ").split()
    heights = [float(points[index + 2]) for index in range(0, len(points), 3)]
    assert len(heights) == len(known)
    assert all(0 <= height <= 40 for height in heights)
    runs = sum(
        1
        for index, value in enumerate(values)
        if value is not None and (index == 0 or values[index - 1] is None)
    )
    assert path.count("M") == runs


@given(POINTS, st.sampled_from([0.9, 0.95, 0.995, 0.9995]))
def test_a_step_without_units_is_a_gap_and_every_share_lies_above_the_floor(points, target):
    chart = sli_chart(series(points), target)
    times, shares, line = chart["data"]
    assert len(times) == len(shares) == len(line)
    for point, share in zip(points, shares, strict=True):
        assert (share is None) == (point["good"] + point["bad"] == 0)
        assert share is None or chart["floor"] <= share <= 100


@given(POINTS)
def test_the_volume_chart_loses_no_unit(points):
    _, good, bad = volume_chart(series(points))["data"]
    assert sum(good) == sum(one["good"] for one in points)
    assert sum(bad) == sum(one["bad"] for one in points)
