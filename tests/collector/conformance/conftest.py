"""Runs the sentences against one target, and notes how each came out.

`TILLWATCH_CONFORMANCE_TARGET=rotel` chooses another target than ours;
`TILLWATCH_CONFORMANCE_RESULTS=<file>` writes {sentence id: passed | failed | skipped} as JSON.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector.conformance.sentences import SENTENCES
from tests.collector.conformance.target import TARGETS, Target

_OUTCOMES = pytest.StashKey[dict[str, str]]()
# The worst outcome of a sentence's steps and parameters is the sentence's own.
_RANK = ("passed", "skipped", "failed")


def _target_name() -> str:
    return os.environ.get("TILLWATCH_CONFORMANCE_TARGET", "ours")


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The running receiver under test."""
    with TARGETS[_target_name()](tmp_path_factory.mktemp("target")) as started:
        yield started


@pytest.fixture(autouse=True)
def _askable(request: pytest.FixtureRequest) -> None:
    """A sentence that needs more than the target offers is skipped, and shown as not asked."""
    mark = request.node.get_closest_marker("conformance")
    if mark is None:
        return
    if "target" not in request.fixturenames:
        if _target_name() != "ours":
            pytest.skip("a sentence about ours alone")
        return
    offered = request.getfixturevalue("target").offers
    lacking = set(mark.kwargs.get("needs", ())) - offered
    if lacking:
        pytest.skip(f"cannot be asked of this target: it lacks {', '.join(sorted(lacking))}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    mark = item.get_closest_marker("conformance")
    if mark is not None:
        sentence = str(mark.args[0])
        assert sentence in SENTENCES, f"there is no sentence {sentence}"
        outcomes = item.config.stash.setdefault(_OUTCOMES, {})
        before = outcomes.get(sentence, "passed")
        outcomes[sentence] = max(before, report.outcome, key=_RANK.index)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = os.environ.get("TILLWATCH_CONFORMANCE_RESULTS")
    if path:
        Path(path).write_text(json.dumps(session.config.stash.get(_OUTCOMES, {})))
