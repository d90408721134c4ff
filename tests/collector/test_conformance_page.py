"""`docs/conformance.md` says what a fresh run of ours finds."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from tests.collector.conformance import scorecard
from tests.collector.conformance.sentences import SENTENCES
from tests.shared_data import missing

FOLDER = Path(scorecard.__file__).parent


def sentences_of_tests() -> list[str]:
    """The sentence of each test function in the folder."""
    found = []
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                marks = [one for one in node.decorator_list if isinstance(one, ast.Call)]
                named = [one for one in marks if ast.unparse(one.func).endswith("conformance")]
                found += [str(ast.literal_eval(one.args[0])) for one in named]
    return found


def test_every_sentence_has_one_test_and_no_test_another_number() -> None:
    counts = Counter(sentences_of_tests())
    assert {one: count for one, count in counts.items() if count != 1} == {}
    assert set(counts) == set(SENTENCES)


@pytest.mark.timeout(400)
def test_the_page_agrees_with_a_fresh_run_of_ours() -> None:
    text = scorecard.PAGE.read_text()
    ours = scorecard.run("ours")
    if left_out := [one for one, outcome in ours.items() if outcome == "skipped"]:
        missing(f"this machine lacks what the sentences {', '.join(left_out)} need")
    assert ours.keys() == set(sentences_of_tests())
    assert text == scorecard.page(ours, scorecard.peer_of(text)), "run `make conformance`"
    assert scorecard.peer_of(text).keys() == {str(number) for number in range(1, 50)}
