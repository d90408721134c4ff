"""The command line: what it prints in 80 columns, and as one document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner

from kernel.clock import HOUR_US
from slo.cli import build_cli
from slo.corrections.cli import build_correction_cli
from slo.metrics import SloCollector
from tests.slo.corrections.people import ADA, CLEO, approved, asked
from tests.slo.shop_till import all_fail


@pytest.fixture
def run(shop, corrections):
    """Runs a command over the till's stores; gives what it printed."""

    @contextmanager
    def opener(_: Path | None) -> Iterator[object]:
        yield corrections

    @contextmanager
    def slos(_: Path | None) -> Iterator[object]:
        yield shop.service

    cli = build_cli(slos)
    cli.add_typer(build_correction_cli(opener), name="correction")

    def say(*words: str) -> str:
        done = CliRunner().invoke(cli, list(words))
        assert done.exit_code == 0, done.output
        return done.stdout

    return say


@pytest.fixture
def failed_hour(shop) -> int:
    """An hour that failed, with an hour that went well before it; where it began."""
    shop.play(3600, per_s=0.2, evaluate=False)
    begin_us = shop.clock.now_us()
    shop.play(3600, per_s=0.2, fails=all_fail, evaluate=False)
    return begin_us


def test_without_corrections_the_list_says_so(run):
    assert run("correction", "list") == "no corrections\n"
    assert json.loads(run("correction", "list", "--json")) == {"corrections": []}


def test_what_is_shown_before_a_decision_fits_eighty_columns(run, corrections, failed_hour):
    made = corrections.propose(asked(failed_hour, failed_hour + HOUR_US), ADA)
    text = run("correction", "show", made.id)
    assert "scheduled maintenance: the provider moves house" in text
    assert "720/1440" in text
    assert "0/720" in text
    assert "leaves out 0 good and 720 bad attempts" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    assert json.loads(run("correction", "show", made.id, "--json"))["preview"][0]["seconds"] == 3600


def test_the_objective_shows_the_other_figure_and_what_is_left_out(run, corrections, failed_hour):
    assert "nothing left out" not in run("show", "payment-success")
    made = approved(corrections, asked(failed_hour, failed_hour + HOUR_US))
    text = " ".join(run("show", "payment-success").split())
    assert "with nothing left out: 50.000 % succeeded, budget left -9900.0 %" in text
    assert "left out: scheduled maintenance, 60 min of this window: the provider moves" in text
    corrections.decide(made.id, CLEO, "withdraw", "it was an outage")
    assert "withdrawn by cleo" in run("correction", "show", made.id)
    assert "withdrawn" in run("correction", "list", "--objective", "payment-success")


def test_a_listed_correction_has_its_whole_id_and_fits_80_columns(run, corrections, failed_hour):
    made = corrections.propose(asked(failed_hour, failed_hour + HOUR_US), ADA)
    [first, second] = run("correction", "list").splitlines()
    assert first == f"{made.id}  proposed  payment-success"
    assert second.startswith("  scheduled maintenance, ")
    assert max(len(first), len(second)) <= 80


def test_a_scrape_has_both_figures(shop, corrections, failed_hour):
    approved(corrections, asked(failed_hour, failed_hour + HOUR_US))
    registry = CollectorRegistry()
    registry.register(SloCollector(shop.service))
    text = generate_latest(registry).decode()
    labels = 'objective="payment-success",service="payments"'
    assert f"tillwatch_slo_budget_left_ratio{{{labels}}} 1.0" in text
    assert f"tillwatch_slo_budget_left_uncorrected_ratio{{{labels}}} -99.0" in text
