"""Whatever a file holds: objectives, or faults with a path and a reason; never an exception."""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slo.openslo import read_texts
from slo.openslo.export import to_yaml
from tests.slo.openslo.samples import GOOD
from tests.slo.openslo.test_references import PARTS
from tests.slo.openslo.test_written_tiers import policy

_SLICED = GOOD.replace("Occurrences", "Timeslices").replace(
    "target: 0.999", "target: 0.999, timeSliceTarget: 0.9, timeSliceWindow: 1m"
)


def _named(name: str, text: str) -> str:
    return text.replace("name: payment-success\n", f"name: {name}\n", 1)


TEXTS = [
    *PARTS.values(),
    _named("policed", GOOD + policy(alertAfter="5m")),
    _named("sliced", _SLICED),
]
OBJECTS = [yaml.safe_load(text) for text in TEXTS]
WORDS = st.sampled_from(
    ["SLO", "1M", "28d", "0m", "none", "burnrate", "tillwatch", "Prometheus", "", "payment.failed"]
)
VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=8),
        WORDS,
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, as the keys that lead to it."""
    if isinstance(value, dict):
        inner = [one for key, part in value.items() for one in places(part, (*path, key))]
    elif isinstance(value, list):
        inner = [one for key, part in enumerate(value) for one in places(part, (*path, key))]
    else:
        inner = []
    return [*([path] if path else []), *inner]


PLACES = [(number, place) for number, one in enumerate(OBJECTS) for place in places(one)]


@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3), st.booleans())
@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_law_no_value_at_any_place_makes_the_reader_crash(
    edits: list[tuple[tuple[int, tuple[Any, ...]], Any]], closed: bool
) -> None:
    objects = copy.deepcopy(OBJECTS)
    for (number, place), value in edits:
        holder = objects[number]
        try:
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue  # an edit before this one took its place away
    reading = read_texts([("all.json", json.dumps(objects))], closed=closed)
    assert all(one.path.startswith("all.json") and one.reason for one in reading.problems)
    if not reading.problems:
        assert read_texts([("", to_yaml(reading.objectives) or "{}")], closed=False).objectives == (
            reading.objectives
        )


def test_the_objects_as_they_are_have_no_fault() -> None:
    reading = read_texts([("all.json", json.dumps(OBJECTS))], closed=True)
    assert reading.problems == []
    assert len(reading.objectives) == 3
