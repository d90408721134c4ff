"""Rules as text: whatever stands in a name, label or expression reads back as it was."""

from __future__ import annotations

import yaml
from hypothesis import given
from hypothesis import strategies as st

from slo.rules.rule import (
    Rule,
    RuleGroup,
    duration_text,
    float_text,
    quoted,
    rules_document,
    rules_yaml,
)
from slo.sloth.windows import prometheus_duration_s

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
rules = st.builds(
    Rule,
    expr=st.lists(texts, min_size=1, max_size=3).map("\n".join),
    alert=texts.filter(bool),
    labels=st.dictionaries(names, texts, max_size=3),
    annotations=st.dictionaries(names, texts, max_size=3),
    for_s=st.integers(0, 10_000),
)


@given(st.lists(st.builds(RuleGroup, texts, st.lists(rules, max_size=3)), max_size=3), texts)
def test_a_rules_file_reads_back_as_what_was_written(groups: list[RuleGroup], head: str) -> None:
    assert yaml.safe_load(rules_yaml(groups, head)) == rules_document(groups)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_is_the_same_number(value: float) -> None:
    assert float(float_text(value)) == value


@given(st.integers(1, 400 * 86_400))
def test_a_printed_duration_is_the_same_duration(seconds: int) -> None:
    assert prometheus_duration_s(duration_text(seconds)) == seconds


def test_a_quoted_text_cannot_leave_its_quotes() -> None:
    assert quoted('a"} or vector(1) #\\') == '"a\\"} or vector(1) #\\\\"'
