"""One service per file, and its log where a story fails."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.journeys.refusals import SECRET
from tests.journeys.running import RunningService, running


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[RunningService]:
    """A plain service, shared by the stories of one file."""
    with RunningService(tmp_path_factory.mktemp("service")) as running:
        yield running


@pytest.fixture(scope="module")
def strict_service(tmp_path_factory) -> Iterator[RunningService]:
    """A service with Slack's secret; nothing in its log may be unexpected at the end."""
    folder = tmp_path_factory.mktemp("bad-input")
    with running(folder, SLACK_SIGNING_SECRET=SECRET) as found:
        yield found
        log = found.log.read_text()
        assert "unexpected_error" not in log, found.tail(20_000)
        assert "Traceback" not in log, found.tail(20_000)


@pytest.fixture(scope="module")
def http(service) -> Iterator[httpx2.Client]:
    """A bare client with the admin's token."""
    with service.http() as client:
        yield client


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
