"""`tillwatch slo list|show` for people: fits the terminal, money at the right, states in words."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kernel.terminal import render_table
from slo.cli import build_cli
from slo.service import SloService
from tests.slo.shop_till import Till, adyen_in_the_middle_fails, payments


@pytest.fixture
def till(tmp_path: Path) -> Till:
    found = Till(tmp_path, [payments(), payments(id="payment-success-through-a-longer-name")])
    found.play(60, evaluate=False)
    found.play(60, fails=adyen_in_the_middle_fails, evaluate=False)
    return found


def run(service: SloService, width: int, *words: str) -> str:
    @contextmanager
    def opener(_: Path | None) -> Iterator[SloService]:
        yield service

    done = CliRunner().invoke(build_cli(opener), list(words), env={"COLUMNS": str(width)})
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_stands_out_of_the_terminal(till: Till, width: int) -> None:
    for words in (["list"], ["show", "payment-success"]):
        lines = run(till.service, width, *words).splitlines()
        assert max(map(len, lines)) <= width, max(lines, key=len)


def test_the_wide_list_has_what_the_narrow_one_leaves_out(till: Till) -> None:
    narrow, wide = (run(till.service, width, "list").splitlines()[0] for width in (80, 140))
    for name in ("objective", "state", "budget", "money left"):
        assert name in narrow
    for name in ("so far", "target", "may fail", "not taken", "alerts"):
        assert name in wide


def test_money_stands_at_the_right_and_states_are_words(till: Till) -> None:
    head, *rows = run(till.service, 140, "list").splitlines()
    end = head.index("money left") + len("money left")
    assert {row[:end].endswith(" EUR") for row in rows} == {True}
    assert all("broken" in row and "at_risk" not in row for row in rows)


def test_one_objective_is_told_in_sentences(till: Till) -> None:
    text = " ".join(run(till.service, 120, "show", "payment-success").split())
    assert "EUR of failed payments are beyond the target." in text
    assert "All of the burn is provider adyen, region eu-central, with " in text
    assert "Failing now: " in text
    assert "conversion" in text


def test_json_is_one_document_with_everything(till: Till) -> None:
    shown = json.loads(run(till.service, 80, "show", "payment-success", "--json"))
    assert shown["burned_by"]["named"][0]["labels"] == {
        "provider": "adyen",
        "region": "eu-central",
    }
    assert shown["at_risk"]["state"] == "known"
    assert len(json.loads(run(till.service, 80, "list", "--json"))["slos"]) == 2


def test_numbers_stand_under_numbers() -> None:
    table = render_table(["what", "count"], [["a", 5], ["bb", 1000]], ["count"])
    assert table == "what  count\na         5\nbb     1000"
