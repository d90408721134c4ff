"""`tillwatch incident list|show`."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from kernel.errors import NotFound
from tests.triage.desk import alert, post
from triage.cli import build_cli

T = 1_795_000_000_000_000


@pytest.fixture
def run(desk):
    @contextmanager
    def opener(_data_dir):
        yield desk.incidents

    cli = build_cli(opener)
    return lambda *args: CliRunner().invoke(cli, list(args))


def test_no_incidents_are_said_in_words_and_in_json(run):
    assert run("list").stdout == "No incidents.\n"
    assert json.loads(run("list", "--json").stdout) == {"incidents": []}


def test_incidents_are_listed_and_shown(run, desk):
    desk.burn("a1", "payment-success", "payments")
    assert run("list").stdout.startswith("INC-1    open           critical")
    shown = run("show", "INC-1").stdout
    assert "Promise at risk: Payments succeed" in shown
    assert "slos      payment-success" in shown
    assert json.loads(run("show", "inc-1", "--json").stdout)["number"] == "INC-1"


def test_an_unknown_incident_is_an_answer_not_a_crash(run):
    assert isinstance(run("show", "INC-7").exception, NotFound)


def test_terminal_escapes_of_alerts_are_shown_and_not_obeyed(run, desk):
    desk.post(post(alert("f1", T, objective="\x1b[2J\x9b31m")))
    desk.take()
    shown = run("show", "INC-1").stdout
    assert "\\x1b[2J\\x9b31m" in shown
    assert "\x1b" not in shown
    assert "\x9b" not in shown
