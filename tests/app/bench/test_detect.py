"""`tillwatch bench detect`: the library, what pages mean, and both sides on a short story."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from app.bench.cli import build_bench_cli, render_detect
from app.bench.detect import incidents
from app.bench.detect.incidents import INCIDENTS, Incident
from app.bench.detect.ours import OurShop
from app.bench.detect.outcome import Outcome, Page, judged
from app.bench.detect.peer import SPEEDS, PeerRun, peer_rules
from app.bench.detect.run import row
from app.bench.detect.shops import Fault
from kernel.clock import SystemClock
from kernel.errors import BadInput
from tests.shared_data import missing

OUTAGE = INCIDENTS[0]


def test_the_same_seed_makes_the_same_story_and_another_one_another() -> None:
    first, again, other = (OUTAGE.counts(seed) for seed in (1, 1, 2))
    assert (first.total == again.total).all()
    assert (first.bad == again.bad).all()
    assert (first.total != other.total).any()


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda one: one.name)
def test_no_part_of_a_story_has_more_failures_than_attempts(incident: Incident) -> None:
    counts = incident.counts(3)
    assert (counts.bad <= counts.total).all()
    assert counts.total.sum() > 0
    assert counts.slices == incident.story_s // 5


def test_a_story_in_which_nothing_is_wrong_has_no_slice_that_fails_as_a_whole() -> None:
    for incident in INCIDENTS:
        if incident.pages or incident.single:
            continue
        counts = incident.counts(3)
        busy = counts.total.sum(axis=0) >= 50
        assert (counts.bad.sum(axis=0) * 4 < counts.total.sum(axis=0))[busy].all(), incident.name


def test_pages_are_told_apart_by_when_they_come() -> None:
    begin_s = OUTAGE.starts_s(1)
    pages = [Page(100, 200), Page(begin_s + 20, begin_s + 700), Page(begin_s + 800, begin_s + 900)]
    assert judged(OUTAGE, 1, pages) == Outcome(pytest.approx(20), pytest.approx(300), 1)
    assert judged(OUTAGE, 1, [Page(begin_s + 20)]).reset_s is None
    assert judged(OUTAGE, 1, []) == Outcome(None, None, 0)
    calm = replace(OUTAGE, lasts_s=0)
    assert judged(calm, 1, pages) == Outcome(None, None, 3)


def test_a_row_has_medians_and_never_counts_as_longest() -> None:
    fast, never = Outcome(10, 100, 0), Outcome(None, None, 0)
    found = row(OUTAGE, [fast, fast, never], [Outcome(40, 400, 0)] * 3)
    assert (found["ours"], found["peer"], found["ratio"]) == (10, 40, 0.25)
    found = row(OUTAGE, [fast, never, never], [])
    assert (found["ours"], found["peer"], found["ratio"]) == (None, None, None)
    found = row(replace(OUTAGE, lasts_s=0), [Outcome(None, None, 2)], [Outcome(None, None, 1)])
    assert (found["ours"], found["peer"], found["unit"]) == (2, 1, "false pages")


def test_the_table_says_never_and_that_the_peer_is_missing() -> None:
    shown = render_detect(
        {
            "rows": [row(OUTAGE, [Outcome(None, None, 0)], [])],
            "peer": None,
            "peer_time_divided_by": 30,
        }
    )
    assert "never" in shown
    assert "peer: not installed" in shown


def test_the_peers_windows_are_all_divided_and_its_factors_stay() -> None:
    rules = [rule for group in yaml.safe_load(peer_rules(30))["groups"] for rule in group["rules"]]
    windows = {rule["labels"].get("sloth_window") for rule in rules}
    assert {"10s", "2m", "1m", "12m"} <= windows
    [page] = [rule for rule in rules if rule.get("labels", {}).get("sloth_severity") == "page"]
    assert "13.44 *" in page["expr"]
    assert "5.6000000000000005 *" in page["expr"]
    assert all(300 % speed == 0 for speed in SPEEDS)


def test_a_speed_or_a_word_that_nothing_has_is_refused() -> None:
    for words in (["--speed", "7"], ["--case", "no such thing"]):
        found = CliRunner().invoke(build_bench_cli(), ["detect", *words])
        assert isinstance(found.exception, BadInput)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Incident:
    """Ten quiet minutes, two broken ones, five more."""
    monkeypatch.setattr(incidents, "BEFORE_S", 600)
    monkeypatch.setattr(incidents, "AFTER_S", 300)
    return Incident("short outage", 4, 120.0, (Fault(0, 120.0),))


def test_a_story_goes_through_the_real_ledger_and_evaluator(tmp_path: Path, short) -> None:
    outcome = judged(short, 1, OurShop(tmp_path).pages(short, 1))
    assert outcome.detected_s is not None
    assert outcome.detected_s < 30
    assert outcome.reset_s is not None
    assert outcome.false == 0


def test_payments_that_hang_are_found_soon_after_their_deadline(tmp_path: Path, short) -> None:
    hanging = replace(short, lasts_s=240.0, faults=(Fault(0, 240.0),), hangs=True)
    outcome = judged(hanging, 1, OurShop(tmp_path).pages(hanging, 1))
    assert outcome.detected_s is not None
    assert 120 < outcome.detected_s < 150


@pytest.mark.real
@pytest.mark.faults
@pytest.mark.timeout(300)
def test_the_peer_pages_for_an_outage_and_lets_go(tmp_path: Path, short) -> None:
    if not shutil.which("prometheus") or not shutil.which("prometheus-alertmanager"):
        missing("prometheus and prometheus-alertmanager are not installed")
    pages = PeerRun(tmp_path, SystemClock(), print, 30).run([1], [short])
    outcome = judged(short, 1, pages[short.name, 1])
    assert outcome.detected_s is not None
    assert outcome.reset_s is not None
