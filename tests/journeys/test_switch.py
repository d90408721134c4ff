"""All execution off and on again, as its users see it: command line, pages, metrics, a restart."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.journeys.running import RunningService, command, running, until

pytestmark = pytest.mark.real


def test_the_switch_is_seen_everywhere_and_outlives_a_restart(tmp_path):
    with running(tmp_path) as service, service.http() as http:
        where = ["--data-dir", str(service.data_dir), "--url", service.url]
        assert command(["approval", "status", *where])[0] == 0
        code, off = command(["approval", "stop", "--reason", "the flags look wrong", *where])
        assert (code, off["stopped"], off["by"]) == (0, True, "admin")
        for path in ("/", "/incidents", "/runbooks"):
            page = page_of(service, path)
            assert "All execution is switched off" in page
            assert "the flags look wrong" in page
        until(lambda: gauge(http) == 1, "the switch is measured")
        code, refused = command(["approval", "stop", "--reason", "again", *where])
        assert (code, refused["code"]) == (1, "conflict")
        service.stop()
        service.start()
        code, still = command(["approval", "status", *where])
        assert (code, still["reason"]) == (1, "the flags look wrong")
        code, on = command(["approval", "resume", "--reason", "they are fine", *where])
        assert (code, on["stopped"]) == (0, False)
        assert "All execution is switched off" not in page_of(service, "/incidents")
        until(lambda: gauge(http) == 0, "the switch is measured again")
        kinds = [one["type"] for one in service.audit(type="execution.*")]
        assert sorted(kinds) == ["execution.resumed", "execution.stopped"]


def page_of(service: RunningService, path: str) -> str:
    with service.http(Accept="text/html") as http:
        return str(http.get(path).text)


def gauge(http: httpx2.Client) -> float | None:
    """The value of the gauge; None while no engine shows it."""
    text = http.get("/metrics").text
    found = re.search(r"^tillwatch_execution_stopped(?:\{[^}]*\})? (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else None
