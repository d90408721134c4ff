"""One service per file, and its log where a story fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.journeys.running import RunningService


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[RunningService]:
    """A plain service, shared by the stories of one file."""
    with RunningService(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Put the logs of the services that a failed story used into its report."""
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for value in item.funcargs.values():
        if isinstance(value, RunningService):
            report.sections.append(("service log", value.tail()))
