"""What the pages say where time is budgeted, and where missing data has a rule of its own."""

from dashboards.forecast import forecast
from dashboards.sentences import slo_sentence
from dashboards.slice_words import failed, formula, gap_sentence, may_fail, slices_sentence
from slo.schemas import NoDataOut, SlicesOut
from tests.dashboards import samples

SLICES = SlicesOut(
    method="Timeslices",
    length_s=60,
    target=0.95,
    counted=20_160,
    bad=0,
    neutral=12,
    missing=3,
    gaps=0,
    bad_s=0,
    allowed_s=60_480,
    left_s=60_480,
)


def slo(**changes):
    found = {"target": 0.95, "sli": 1.0, "budget_left": 1.0, "bad_left": 1008, "money": []}
    slices = SLICES.model_copy(update=changes.pop("slices", {}))
    made = samples.slo("ok", slices=slices, **{**found, **changes})
    return made.model_dump(mode="json", by_alias=True)


def test_a_budget_of_two_weeks_is_said_in_hours_and_minutes() -> None:
    assert slo_sentence(slo()) == (
        "100.00 % of the time was good, 95.0 % are promised; 100 % left of the error budget:"
        " 16 h 48 min more may be bad."
    )
    assert may_fail(slo()) == "16 h 48 min"


def test_an_overspent_one_says_for_how_long() -> None:
    over = slo(
        sli=0.9,
        budget_left=-0.02,
        bad_left=-20,
        slices={"left_s": -1200, "bad_s": 61_680, "bad": 9},
    )
    assert "overspent by 2 %, it was bad 20 min too long" in slo_sentence(over)
    assert (may_fail(over), failed(over)) == ("20 min too long", "17 h 8 min were bad")


def test_slices_and_what_was_left_out_are_told() -> None:
    assert slices_sentence(slo()) == (
        "Slices of 1 min, good from 95.0 % of their attempts on: 20,160 counted, 12 without an"
        " attempt, 3 without data and left out. Attempts, money and segments add up to the whole;"
        " slices do not."
    )
    ratios = slices_sentence(slo(slices={"target": None, "missing": 0, "gaps": 3}))
    assert ratios.startswith("The mean of the good shares of slices of 1 min: 20,160 counted, 3 of")


def test_formulas_are_those_of_the_method() -> None:
    assert "slices" in formula(slo(), "budget")
    attempts = samples.slo().model_dump(mode="json", by_alias=True)
    assert formula(attempts, "budget") == "1 - bad / ((1 - target) x (good + bad))"
    assert (may_fail(attempts), failed(attempts)) == ("20", "30 failed")
    assert slices_sentence(attempts) == ""


def test_no_pace_of_attempts_is_said_of_a_budget_of_time() -> None:
    assert forecast(slo(), [{"good": 0, "bad": 1000}]) == ""


def test_a_gap_that_counts_as_failed_is_said_beside_the_figure() -> None:
    def with_rule(rule: str, spent: float, present: str) -> str:
        rules = NoDataOut(rule=rule, gap_s=3000, spent=spent, present=present)
        return gap_sentence(samples.slo(no_data=rules).model_dump(mode="json", by_alias=True))

    assert with_rule("bad", 0.25, "") == (
        "50 min without data count as failed: 25.0 % of the budget."
    )
    assert with_rule("neutral", 0, "nothing heard") == (
        "New data is missing at present; what was counted is judged as it is."
    )
    assert with_rule("neutral", 0, "") == with_rule("freeze", 0, "nothing heard") == ""
