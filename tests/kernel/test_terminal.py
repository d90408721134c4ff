"""Results on stdout: one document, or text without control characters."""

from __future__ import annotations

import json

from kernel.terminal import emit, note, plain, render_table


def test_json_is_exactly_one_document_on_stdout(capsys):
    emit({"a": "ä"}, True, lambda _: "text")
    note("a hint")
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"a": "ä"}
    assert shown.err == "a hint\n"


def test_text_is_what_the_command_makes_of_it(capsys):
    emit({"a": 1}, False, lambda document: f"a is {document['a']}")
    assert capsys.readouterr().out == "a is 1\n"


def test_terminal_escapes_in_foreign_data_stay_harmless():
    assert plain("a\x1b[31m\nb") == "a\\x1b[31m\\x0ab"
    table = render_table(["name", "n"], [["x\x1b]0;evil\x07", 1], ["longer name", 22]])
    assert "\x1b" not in table
    assert len(table.splitlines()) == 3
