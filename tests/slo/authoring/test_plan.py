"""What a folder of objectives would change, and what each change means."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

from hypothesis import HealthCheck, given, settings

from kernel.clock import DAY_US
from slo.authoring.plan import compare
from slo.objective import Objective, TimeSlices, Window, WrittenTier
from slo.openslo import read_openslo
from slo.openslo.generation import with_generation
from tests.slo.openslo.made import objectives
from tests.slo.openslo.samples import GOOD

# What an editor may change without touching a single count; None: a switch, turned over.
FREE: dict[str, Any] = {
    "display_name": "Another title",
    "service": "other",
    "description": "Another text",
    "target": Fraction(1, 3),
    "window": Window(7 * DAY_US),
    "sources": ("another",),
    "max_gap_s": 299,
    "min_bad_events": 4,
    "fast_tier": None,
    "bump_allowance_s": 0.125,
    "owner": "somebody",
    "slices": TimeSlices(60_000_000, Fraction(1, 7)),
    "tiers": (WrittenTier("odd", 7200, 60, Fraction(1, 3), page=True),),
    "no_data": "neutral",
    "zone": "Asia/Kathmandu",
    "silence": None,
}
COUNTED = {"indicator", "segments", "deadlines_s"}


def one(text: str = GOOD) -> Objective:
    [found] = read_openslo(text).objectives
    return found


def plan_of(before: Objective, after: Objective):
    return compare({before.id: before}, {after.id: after})


def test_every_field_of_an_objective_is_either_free_or_counted() -> None:
    named = {field.name for field in fields(Objective)} - {"id", "generation"}
    assert named == {*FREE, *COUNTED}


@given(objectives())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_law_target_window_tier_and_text_edits_keep_the_generation(before: Objective) -> None:
    for name, value in FREE.items():
        changed = not getattr(before, name) if value is None else value
        after = with_generation(replace(before, **{name: changed}))
        assert after.generation == before.generation, name


@given(objectives(), objectives())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_law_generations_are_equal_where_the_counting_rule_is(a: Objective, b: Objective) -> None:
    rules = [(x.indicator, x.segments, x.deadlines_s) for x in (a, b)]
    assert (a.generation == b.generation) == (rules[0] == rules[1])


def test_generations_of_objectives_written_before_slices_and_tiers_are_what_they_were() -> None:
    assert one().generation == "f3cbe89f54bd"


def test_a_target_edit_is_free_and_says_so() -> None:
    [change] = plan_of(one(), one(GOOD.replace("0.999", "0.99")))
    assert (change.kind, change.recounts) == ("changed", False)
    [edit] = change.edits
    assert (edit.field, edit.before, edit.after) == ("objectives.targetPercent", "99.9", "99")
    assert not edit.counted
    assert change.meaning.startswith("free")


def test_a_definition_edit_is_a_new_generation_and_says_what_that_means() -> None:
    [change] = plan_of(one(), one(GOOD.replace("fraud, ", "")))
    assert change.recounts
    [edit] = change.edits
    place = "indicator.ratioMetric.total.metricSource.spec.excludeWhere.decline_class"
    assert (edit.field, edit.counted) == (place, True)
    assert "new generation" in change.meaning


def test_new_gone_and_unchanged_objectives_are_told_apart() -> None:
    a, b, c = (one(GOOD.replace("name: payment-success\n", f"name: {x}\n", 1)) for x in "abc")
    changes = compare({"a": a, "b": b}, {"b": b, "c": c})
    assert [(change.id, change.kind) for change in changes] == [("a", "gone"), ("c", "new")]


def test_a_rewritten_file_that_means_the_same_changes_nothing() -> None:
    assert plan_of(one(), one(GOOD.replace("target: 0.999", "targetPercent: 99.900"))) == []
