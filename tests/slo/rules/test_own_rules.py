"""Rules of our own objectives: accepted by promtool, windows as labels, tiers as in the ledger."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from kernel.clock import DAY_US, MINUTE_US
from slo.catalogue import SHIPPED, read_folder
from slo.objective import TimeSlices, Window, WrittenTier
from slo.rules.own import own_groups
from slo.rules.rule import RuleGroup, rules_document, rules_yaml
from tests.slo.rules.promtool import Replay, counter, promtool, written
from tests.slo.rules.sloth_golden import OWN_ALERT, own
from tests.slo.shop_till import payments

METRIC = re.compile(r"\b(tillwatch_[a-z_]+)\{")


def rules_of(group: RuleGroup) -> list[dict]:
    (found,) = rules_document([group])["groups"]
    return found["rules"]


@pytest.mark.real
def test_promtool_accepts_the_rules_of_all_shipped_objectives(tmp_path: Path) -> None:
    made = own_groups(read_folder(SHIPPED).objectives, "https://till.example")
    assert made.notes == []
    written(tmp_path, made.groups)


@pytest.mark.parametrize("days", [1, 7, 28, 30, 90])
def test_no_name_carries_a_window_and_no_two_rules_make_the_same_series(days: int) -> None:
    made = own_groups([replace(payments(), window=Window(days * DAY_US))])
    rules = rules_of(made.groups[0])
    assert not any(re.search(r"\d", rule.get("record", "")) for rule in rules)
    series = [str((rule.get("record"), rule.get("alert"), rule["labels"])) for rule in rules]
    assert len(set(series)) == len(series)


def test_tiers_and_limits_are_those_of_the_ledger() -> None:
    made = own_groups([payments("0.999")])
    burns = [rule for rule in rules_of(made.groups[0]) if rule.get("alert") == OWN_ALERT]
    assert [rule["labels"]["tier"] for rule in burns] == ["1h", "6h", "1d", "3d"]
    assert [rule["labels"]["severity"] for rule in burns] == ["page", "page", "ticket", "ticket"]
    limits = [set(re.findall(r">= ([0-9.e-]+)", rule["expr"])) for rule in burns]
    assert limits[0] == {"0.01344", "5"}
    assert limits[1] == {"0.0056", "5"}


def test_written_tiers_take_the_place_of_the_default_ones() -> None:
    tier = WrittenTier("quick", 600, 120, Fraction(10), page=True)
    made = own_groups([payments("0.99", tiers=(tier,))])
    rules = rules_of(made.groups[0])
    windows = {rule["labels"]["window"] for rule in rules if "window" in rule["labels"]}
    assert windows == {"10m", "2m"}
    (burn,) = [rule for rule in rules if rule.get("alert") == OWN_ALERT]
    assert ">= 0.1\n" in burn["expr"]


def test_slices_of_time_are_judged_by_the_ledger_and_asked_of_its_burn_rates() -> None:
    tier = WrittenTier("odd", 660, 120, Fraction(10), page=True)
    sliced = payments("0.99", slices=TimeSlices(5 * MINUTE_US, Fraction(1, 2)))
    made = own_groups([sliced, replace(sliced, id="other", tiers=(tier,))])
    first, second = (rules_of(group) for group in made.groups)
    text = str(first)
    assert "tillwatch_slo_burn_rate" in text
    assert "tillwatch_slo_units_total" not in text
    assert not [rule for rule in second if rule.get("alert") == OWN_ALERT]
    assert "tier odd is left out" in made.notes[0]


def test_rules_ask_only_what_we_expose_or_they_record() -> None:
    made = own_groups([payments()])
    asked = {name for rule in made.groups[0].rules for name in METRIC.findall(rule.expr)}
    assert asked == {
        "tillwatch_slo_units_total",
        "tillwatch_slo_units_taken_back_total",
        "tillwatch_slo_state",
    }


def test_braces_in_a_display_name_stay_text() -> None:
    made = own_groups([payments(display_name="{{ end }}")])
    summary = rules_of(made.groups[0])[-1]["annotations"]["summary"]
    assert summary.startswith('{{"{{"}} end }}')


def test_the_same_objectives_give_the_same_bytes() -> None:
    texts = {rules_yaml(own_groups([payments()]).groups, "x") for _ in range(2)}
    assert len(texts) == 1
    assert yaml.safe_load(texts.pop())["groups"][0]["name"] == "tillwatch-slo-payment-success"


@pytest.mark.real
def test_a_single_failure_at_night_does_not_page_and_a_revision_closes_an_alert(
    tmp_path: Path,
) -> None:
    good, bad = counter((1, 400), (1, 100)), counter((0, 400), (1, 1), (0, 99))
    assert own(tmp_path, good, bad).firing_minutes(OWN_ALERT, 500) == []
    good, bad = counter((10, 400), (0, 10), (10, 20)), counter((0, 400), (10, 10), (0, 20))
    replay = own(tmp_path, good, bad)
    paged = replay.firing_minutes(OWN_ALERT, 430, {"tier": "1h"})
    assert paged[0] in range(401, 405)
    back = next(name for name in replay.series if "taken_back" in name and '"bad"' in name)
    revised = {**replay.series, back: counter((0, 405), (100, 1), (0, 25))}
    after = Replay(replay.rules, revised).firing_minutes(OWN_ALERT, 430, {"tier": "1h"})
    assert after
    assert max(after) <= 406 < max(paged)


@pytest.mark.real
def test_no_data_becomes_a_ticket_after_ten_minutes(tmp_path: Path) -> None:
    rules = written(tmp_path, own_groups([payments()]).groups)
    state = 'tillwatch_slo_state{objective="payment-success",service="payments",state="no_data"}'
    found = Replay(rules, {state: "0x4 1x30"}).firing_minutes("TillwatchObjectiveNoData", 30)
    assert found == list(range(15, 31))
    assert promtool("--version").returncode == 0
