"""OpenSLO files: exact, strict, every fault at once."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.clock import DAY_US, HOUR_US, MINUTE_US
from kernel.errors import BadInput, NotConfigured, NotFound
from slo.catalogue import Catalogue, read_folder
from slo.objective import UnitKind
from slo.openslo import read_openslo
from slo.openslo.durations import duration_us
from tests.slo.openslo.samples import GOOD, faults


def changed(old: str, new: str) -> dict[str, str]:
    assert old in GOOD
    return faults(GOOD.replace(old, new))


def test_a_good_file_is_read_exactly() -> None:
    [found] = read_openslo(GOOD).objectives
    assert found.id == "payment-success"
    assert found.target == Fraction(999, 1000)
    assert found.budget_ratio == Fraction(1, 1000)
    assert found.window.length_us == 28 * DAY_US
    assert found.indicator.unit_kind is UnitKind.PAYMENT
    assert found.indicator.total.where == {"country": {"NO", "DE"}}
    assert found.segments == ("provider", "country")
    assert found.sources == ("shop",)
    assert found.deadlines_s == {"": 300, "card": 60, "redirect": 900, "bank_transfer": None}
    assert (found.max_gap_s, found.min_bad_events) == (600, 7)
    assert (found.fast_tier, found.bump_allowance_s, found.owner) == (False, 1.5, "payments")


def test_percent_and_ratio_are_the_same_exact_number() -> None:
    [found] = read_openslo(GOOD.replace("target: 0.999", "targetPercent: 99.9")).objectives
    assert found.target == Fraction(999, 1000)


@pytest.mark.parametrize("target", ["1", "1.0", "-0.1", "100", ".inf", "0.9x", "true", '"0.9"'])
def test_a_target_outside_of_zero_to_below_one_is_refused(target: str) -> None:
    assert "$.spec.objectives[0].target" in changed("target: 0.999", f"target: {target}")


def test_a_target_of_zero_is_accepted() -> None:
    [found] = read_openslo(GOOD.replace("target: 0.999", "target: 0")).objectives
    assert found.target == 0


def test_target_and_percent_together_are_refused() -> None:
    found = changed("target: 0.999", "target: 0.999, targetPercent: 99.9")
    assert "exactly one of target and targetPercent" in found["$.spec.objectives[0]"]


def test_all_faults_are_told_at_once_with_path_value_and_suggestion() -> None:
    broken = (
        GOOD.replace("service: payments\n  indicator", "servce: payments\n  indicator")
        .replace("Occurrences", "Ocurrences")
        .replace("payment.failed", "payment.faild")
        .replace("target: 0.999", "target: 1.0")
        .replace("tillwatch/max-gap", "tillwatch/max-gaps")
        .replace("duration: 28d", "duration: 1M")
        .replace("where: {country", "where: {contry")
    )
    found = faults(broken)
    assert 'did you mean "service"?' in found["$.spec.servce"]
    assert "missing" in found["$.spec.service"]
    assert 'did you mean "Occurrences"?' in found["$.spec.budgetingMethod"]
    assert "found 'Ocurrences'" in found["$.spec.budgetingMethod"]
    total = "$.spec.indicator.spec.ratioMetric.total.metricSource.spec"
    assert 'did you mean "payment.failed"?' in found[f"{total}.events[1]"]
    assert 'did you mean "country"?' in found[f"{total}.where.contry"]
    assert "100 %" in found["$.spec.objectives[0].target"]
    assert "tillwatch/max-gap" in found["$.metadata.annotations['tillwatch/max-gaps']"]
    assert "calendar months" in found["$.spec.timeWindow[0].duration"]
    assert len(found) == 8


@pytest.mark.parametrize(
    ("text", "length_us"),
    [
        ("28d", 28 * DAY_US),
        ("1w", 7 * DAY_US),
        ("12h", 12 * HOUR_US),
        ("90m", 90 * MINUTE_US),
    ],
)
def test_durations(text: str, length_us: int) -> None:
    assert duration_us(text) == length_us


@pytest.mark.parametrize("text", ["", "0w", "-1d", "1.5d", "1M", "1Q", "1Y", "5s", "28", 28, "d"])
def test_durations_that_mean_nothing_are_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        duration_us(text)


def test_a_duplicate_key_is_refused_with_its_line() -> None:
    [message] = faults(GOOD.replace("service: payments", "service: a\n  service: b", 1)).values()
    assert "line 19" in message
    assert "'service' stands twice" in message


def test_anchors_and_foreign_tags_are_refused() -> None:
    assert "anchors" in str(faults("a: &x 1\nb: *x\n"))
    assert faults("!!python/object/apply:os.system [true]")


def test_other_kinds_are_read_beside_it() -> None:
    other = "apiVersion: openslo/v1\nkind: Service\nmetadata: {name: payments}\nspec: {}\n"
    reading = read_openslo(other + "---" + GOOD)
    assert [one.id for one in reading.objectives] == ["payment-success"]
    assert (reading.problems, reading.notes) == ([], [])
    assert reading.kinds == {"Service": 1, "SLO": 1}


def test_op_and_value_are_forbidden_beside_a_ratio() -> None:
    found = changed("target: 0.999", "target: 0.999, op: lte, value: 3")
    assert set(found) == {"$.spec.objectives[0].op", "$.spec.objectives[0].value"}


def test_payments_and_checkouts_cannot_be_counted_together() -> None:
    found = changed(
        "[payment.succeeded, payment.failed, payment.expired]",
        "[payment.succeeded, checkout.failed]",
    )
    assert "different kinds" in str(found)


def test_a_segment_by_an_identity_is_refused() -> None:
    assert "every attempt" in str(changed("provider, country", "provider, payment_id"))


def test_editing_the_target_keeps_the_generation_and_editing_the_rule_changes_it() -> None:
    [first] = read_openslo(GOOD).objectives
    [target] = read_openslo(GOOD.replace("0.999", "0.99")).objectives
    [rule] = read_openslo(GOOD.replace("fraud, ", "")).objectives
    [segments] = read_openslo(GOOD.replace("provider, country", "provider")).objectives
    [deadline] = read_openslo(GOOD.replace("card=60s", "card=61s")).objectives
    assert first.generation == target.generation
    generations = {one.generation for one in (first, rule, segments, deadline)}
    assert len(generations) == 4


def test_the_shipped_objectives_load_and_say_what_they_promise() -> None:
    catalogue = Catalogue.load()
    assert sorted(catalogue) == [
        "checkout-latency",
        "checkout-success",
        "payment-latency",
        "payment-success",
        "payment-success-adyen",
        "payment-success-stripe",
    ]
    assert catalogue["checkout-success"].target == Fraction(99, 100)
    assert catalogue["payment-success"].target == Fraction(995, 1000)
    threshold = catalogue["checkout-latency"].indicator.threshold
    assert threshold is not None
    assert (threshold.field, threshold.op, threshold.limit) == ("latency_ms", "lte", 2000.0)
    adyen = catalogue["payment-success-adyen"].indicator
    assert adyen.total.where == {"provider": {"adyen"}}
    with pytest.raises(NotFound, match="payment-success"):
        catalogue.find("payment-succes")


def test_a_folder_with_faults_names_all_files_and_a_missing_one_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    (tmp_path / "c.yaml").write_text("kind: SLO")
    with pytest.raises(BadInput) as caught:
        Catalogue.load(tmp_path)
    paths = [str(problem["path"]) for problem in caught.value.problems]
    assert "b.yaml#0 $.metadata.name" in paths
    assert any(path.startswith("c.yaml#0 $.") for path in paths)
    with pytest.raises(NotConfigured):
        read_folder(tmp_path / "nowhere")


@given(st.integers(0, 10**6 - 1))
def test_law_targets_are_exact(millionths: int) -> None:
    text = GOOD.replace("target: 0.999", f"target: 0.{millionths:06d}")
    [found] = read_openslo(text).objectives
    assert found.target == Fraction(millionths, 10**6)


@given(st.text(max_size=200))
@settings(deadline=None)
def test_law_no_text_makes_the_reader_crash(text: str) -> None:
    reading = read_openslo(text)
    assert reading.problems or reading.objectives or reading.kinds


@given(st.sampled_from(GOOD.split()), st.text(max_size=12))
@settings(deadline=None, max_examples=60)
def test_law_no_edit_of_a_good_file_makes_the_reader_crash(word: str, other: str) -> None:
    reading = read_openslo(GOOD.replace(word, other, 1))
    assert reading.problems or reading.objectives or reading.kinds


@pytest.mark.parametrize("value", ["!!int x", "!!float x", "!!bool x", "!!timestamp x", "{" * 100])
def test_a_value_that_its_tag_does_not_allow_is_a_problem_of_the_file(value: str) -> None:
    assert read_openslo(f"kind: {value}", "odd.yaml").problems


def test_a_folder_without_objectives_is_not_a_shop_without_promises(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="no objective"):
        Catalogue.load(tmp_path)
