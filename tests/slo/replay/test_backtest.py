"""The ledger's own history through today's rules, or proposed ones."""

import contextlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US, rfc3339
from kernel.errors import BadInput, NotFound
from kernel.facts import publish
from kernel.facts.triage import IncidentOpened, IncidentResolved
from slo.ledger import LedgerReader
from slo.replay.cli import add_backtest_command, seconds_of
from slo.replay.minutes import MinuteReader
from slo.replay.service import BacktestService
from tests.slo.shop_till import START_US, Till, adyen_in_the_middle_fails

OUTAGE_US = START_US + 30 * MINUTE_US


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory):
    """Half an hour of peace, 5 min of one broken part, and more than 2 h after it."""
    found = Till(tmp_path_factory.mktemp("till"))
    found.play(1800, per_s=2, evaluate=False)
    found.play(300, per_s=4, fails=adyen_in_the_middle_fails, evaluate=False)
    found.play(9600, per_s=1, evaluate=False)
    yield found
    found.database.close()


def service(till: Till) -> BacktestService:
    return BacktestService(till.database, till.path, till.catalogue, till.clock)


def run(till: Till, **changes: object) -> dict:
    [found] = service(till).run("payment-success", 6 * 3600, **changes)["backtests"]
    return found


def test_an_outage_of_long_ago_is_found_again_with_its_minute_and_its_segment(till: Till) -> None:
    found = run(till)
    assert found["text"] == "would have paged 1 time in 0 days, median detection 60 s, 0 false"
    [page] = [one for one in found["alerts"] if one["page"]]
    assert page["segment"] == {"provider": "adyen", "region": "eu-central"}
    assert page["onset"] == rfc3339(OUTAGE_US)
    assert page["opened"] == rfc3339(OUTAGE_US + MINUTE_US)
    assert (page["tier"], page["resolution_s"], page["false"]) == ("fast", 60, False)
    assert page["closed"] is not None


def test_a_looser_target_would_have_paged_nobody(till: Till) -> None:
    proposed = replace(till.objectives[0], target=Fraction("0.7"), fast_tier=False)
    found = run(till, proposed={"payment-success": proposed})
    assert found["pages"] == 0
    assert found["text"] == "would have paged nobody in 0 days"
    assert found["note"] == ""


def test_a_proposed_definition_that_counts_otherwise_says_so(till: Till) -> None:
    proposed = replace(till.objectives[0], generation="two", segments=("provider",))
    found = run(till, proposed={"payment-success": proposed})
    assert found["pages"] == 1
    assert "counts otherwise" in found["note"]


def test_a_new_objective_has_no_history(till: Till) -> None:
    proposed = {"brand-new": replace(till.objectives[0], id="brand-new")}
    [found] = service(till).run(proposed=proposed)["backtests"]
    assert found["pages"] is None
    assert "no history" in found["text"]


def test_an_objective_that_is_not_there_is_named(till: Till) -> None:
    with pytest.raises(NotFound, match="payment-sucess"):
        service(till).run("payment-sucess")
    with pytest.raises(BadInput, match="holds no objective"):
        service(till).run("x", proposed={})


def test_the_rows_of_a_replay_are_all_that_the_ledger_counts(till: Till) -> None:
    reader = MinuteReader(till.path)
    from_us, to_us = START_US - HOUR_US, till.clock.now_us()
    pieces = list(reader.rows(till.objectives[0], from_us, to_us))
    rows = [row for _, piece in pieces for row in piece]
    sums = LedgerReader(till.path).sums(till.objectives[0], from_us, to_us)
    assert sum(row.bad for row in rows) == sums.alert_bad > 0
    assert sum(row.total for row in rows) == sums.alert_total
    assert rows == sorted(rows)
    assert pieces[-1][0] == to_us
    reader.close()


def test_a_blip_that_was_over_at_once_is_false_unless_an_incident_of_ours_tells_otherwise(
    tmp_path: Path,
) -> None:
    till = Till(tmp_path)
    till.play(900, per_s=4, evaluate=False)
    till.play(15, per_s=4, fails=lambda *_: till.random.random() < 0.5, evaluate=False)
    till.play(1500, per_s=4, evaluate=False)
    [found] = service(till).run("payment-success", 3600)["backtests"]
    assert (found["pages"], found["false_pages"], found["median_detection_s"]) == (1, 1, None)
    at_us = START_US + 900 * SECOND_US
    shared = {"incident_id": "i", "service": "payments", "objective_ids": ["payment-success"]}
    with till.database.unit_of_work() as session:
        opened = IncidentOpened(
            **shared, number=1, onset_us=at_us, opened_us=at_us, severity="page"
        )
        publish(session, opened, at_us)
        resolved = IncidentResolved(**shared, onset_us=at_us, resolved_us=at_us + MINUTE_US)
        publish(session, resolved, at_us)
    [found] = service(till).run("payment-success", 3600)["backtests"]
    assert (found["pages"], found["false_pages"]) == (1, 0)
    assert found["alerts"][0]["resolution_s"] == 5
    with till.database.unit_of_work() as session:
        publish(session, resolved.model_copy(update={"resolution": "not_an_incident"}), at_us)
    [found] = service(till).run("payment-success", 3600)["backtests"]
    assert (found["pages"], found["false_pages"]) == (1, 1)
    till.database.close()


def test_hours_in_which_nothing_was_heard_open_and_close_nothing(tmp_path: Path) -> None:
    till = Till(tmp_path)
    till.play(900, per_s=4, evaluate=False)
    till.play(60, per_s=4, fails=lambda *_: True, evaluate=False)
    till.clock.advance_s(7200)
    till.arrive([])
    [found] = service(till).run("payment-success", 4 * 3600)["backtests"]
    [page] = [one for one in found["alerts"] if one["page"]]
    assert page["closed"] is None
    till.database.close()


def test_before_anything_was_counted_there_is_nothing_to_page(tmp_path: Path) -> None:
    till = Till(tmp_path)
    document = BacktestService(
        till.database, tmp_path / "none.db", till.catalogue, till.clock
    ).run()
    assert [one["pages"] for one in document["backtests"]] == [0]
    till.database.close()


def test_the_command_shows_pages_and_takes_a_proposed_file(till: Till, tmp_path: Path) -> None:
    cli = typer.Typer()
    cli.callback()(lambda: None)
    add_backtest_command(cli, lambda _: contextlib.nullcontext(service(till)))
    shown = CliRunner().invoke(cli, ["backtest", "payment-success", "--since", "6h"])
    assert shown.exit_code == 0
    assert "would have paged 1 time" in shown.stdout
    assert "adyen / eu-central" in shown.stdout
    source = Path("slo/definitions/payment-success.yaml").read_text()
    file = tmp_path / "proposed.yaml"
    loose = source.replace("99.5", "60").replace(
        "  annotations:", '  annotations:\n    tillwatch/fast-tier: "off"'
    )
    file.write_text(loose)
    words = ["backtest", "--since", "6h", "--definition", str(file), "--json"]
    [found] = json.loads(CliRunner().invoke(cli, words).stdout)["backtests"]
    assert (found["target"], found["pages"]) == (0.6, 0)
    file.write_text("kind: SLO")
    faulty = CliRunner().invoke(cli, words)
    assert isinstance(faulty.exception, BadInput)


@pytest.mark.parametrize("text", ["", "90", "0d", "d", "-1d", "1y", "401d", "99999w"])
def test_a_time_to_look_back_is_hours_days_or_weeks_within_what_is_kept(text: str) -> None:
    with pytest.raises(BadInput):
        seconds_of(text)


def test_units_of_looking_back() -> None:
    assert [seconds_of(one) for one in ("36h", "90d", "2w")] == [129_600, 7_776_000, 1_209_600]
