"""One service and one headless Chromium for the browser tests of a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.service import Service
from tests.shared_data import missing

CHROMIUM = os.environ.get("CHROMIUM", "/usr/lib/chromium/chromium-headless-shell")
# Nothing but loopback: a page that asked for anything else would fail loudly.
_ARGUMENTS = ["--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="tillwatch-browser-") as folder:
        started = Service(Path(folder))
        try:
            yield started
        finally:
            started.stop()


@pytest.fixture(scope="module")
def incident(service: Service) -> dict[str, Any]:
    """An incident whose brief stands and whose step waits for a decision."""
    return service.seed()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not Path(CHROMIUM).exists():
        missing(f"no Chromium at {CHROMIUM}: apt-get install chromium-headless-shell")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield chromium
        chromium.close()
