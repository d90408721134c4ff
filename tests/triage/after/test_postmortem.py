"""The draft of a postmortem: what is recorded, and nothing else."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from kernel.clock import MINUTE_US
from kernel.errors import NotFound
from tests.triage.desk import alert, post
from triage.cli import build_cli

T = 1_795_000_000_000_000


def ended(desk, **labels):
    """An incident that somebody had, and that is over."""
    rob = desk.somebody("rob")
    one = alert("f1", T, service="payments", **labels)
    desk.post(post(one))
    desk.take()
    desk.clock.advance_s(40)
    desk.incidents.hand_over("INC-1", rob, "rob", "look at the queue")
    desk.clock.advance_s(300)
    desk.post(post(alert("f1", T, ends_us=T + 5 * MINUTE_US, service="payments")))
    desk.take()
    assert desk.incidents.show("INC-1").state == "resolved"


def test_the_draft_says_what_is_recorded_and_asks_for_the_rest(desk):
    ended(desk)
    draft = desk.incidents.postmortem("INC-1")
    assert draft.startswith("# INC-1: payments burn\n")
    assert "- Opened to acknowledged: 40.0 s" in draft
    assert "- Taken by: rob" in draft
    assert "No step was proposed." in draft
    assert "What was the cause" in draft
    for line in desk.incidents.timeline("INC-1"):
        assert f"record {line.record})" in draft


def test_text_of_strangers_stays_text_in_the_draft(desk):
    evil = "# x\n[click](http://evil.example) <img src=x> **b** ![i](http://evil.example/a.png)"
    one = alert("f1", T) | {"annotations": {"summary": evil}}
    desk.post(json.dumps(json.loads(post(one))).encode())
    desk.take()
    html = MarkdownIt("commonmark").render(desk.incidents.postmortem("INC-1"))
    for piece in ("<a ", "<img", "<strong", "<code>#"):
        assert piece not in html
    assert html.count("<h1>") == 1


def test_a_long_timeline_is_cut_and_says_so(desk):
    desk.post(post(alert("f1", T, service="payments")))
    desk.take()
    rob = desk.somebody("rob")
    for number in range(210):
        desk.incidents.hand_over("INC-1", rob, "rob", f"note {number}")
    draft = desk.incidents.postmortem("INC-1")
    assert "more records: `tillwatch audit list`" in draft


def test_the_command_prints_the_draft(desk):
    @contextmanager
    def opener(_):
        yield desk.incidents

    ended(desk)
    shown = CliRunner().invoke(build_cli(opener), ["postmortem", "INC-1"])
    assert shown.stdout == desk.incidents.postmortem("INC-1")
    with pytest.raises(NotFound):
        desk.incidents.postmortem("INC-9")


def test_the_times_of_incidents_are_shown_with_what_they_rest_on(desk):
    @contextmanager
    def opener(_):
        yield desk.incidents

    ended(desk)
    desk.post(post(alert("f9", T, service="mail"), group_key="other"))
    desk.take()
    run = build_cli(opener)
    document = json.loads(CliRunner().invoke(run, ["times", "--json"]).stdout)
    assert document["all"]["incidents"] == 2
    assert document["all"]["mtta_ms"] == 40_000
    assert document["all"]["rests_on"] == {"mtta": 1, "mttr": 1, "decision": 0}
    assert document["with_ai"]["incidents"] == 0
    assert "40.0 s" in CliRunner().invoke(run, ["times"]).stdout
