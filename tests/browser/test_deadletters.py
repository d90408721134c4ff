"""Rejected data in a real browser: every width and theme, and a replay by form, without scripts."""

from __future__ import annotations

import re

import pytest

from tests.browser.service import HOSTILE
from tests.browser.test_every_page import seen_in_every_width
from tests.browser.visit import DESK, PHONE, Visit

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def letters(service, incident) -> dict[str, str]:
    """Ids of dead letters: a mendable one, a replayable one's twin, and one without an item."""
    api = service.api
    refused = [
        {"type": "payment.failed", "id": "no currency", "data": {"amount_minor": 1999}},
        {"type": "payment.failed", "id": HOSTILE, "data": {"amount_minor": 5, HOSTILE: HOSTILE}},
    ]
    receipt = api.post("/api/events", refused)["receipt"]
    return {"mendable": f"{receipt}:0", "hostile": f"{receipt}:1"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_letter_fits_every_width_and_has_no_fault(browser, service, letters, scheme):
    faults = []
    with Visit(browser, service.url, DESK, scheme).log_in(service.token) as visit:
        for path in (
            "/deadletters?rule=event.currency",
            "/deadletters?stored=3&rejected=2",
            f"/deadletters/{letters['mendable']}",
            f"/deadletters/{letters['hostile']}",
        ):
            visit.go(path)
            faults += seen_in_every_width(visit, path)
    assert not faults, "\n".join(faults)


def test_a_viewer_reads_a_letter_and_is_not_offered_to_replay_it(browser, service, letters):
    token = service.person("vito", "viewer")
    with Visit(browser, service.url).log_in(token, f"/deadletters/{letters['mendable']}") as visit:
        assert "no currency" in visit.page.locator("pre").inner_text()
        assert visit.page.get_by_role("button", name="Replay").count() == 0
        visit.go("/deadletters")
        assert visit.page.get_by_role("button", name="Replay").count() == 0


def test_a_responder_mends_and_replays_without_javascript(browser, service, letters):
    token = service.person("rosa", "responder", "viewer")
    with Visit(browser, service.url, PHONE, scripts=False) as visit:
        visit.log_in(token, "/deadletters")
        page = visit.page
        page.locator(f"a[href='/deadletters/{letters['mendable'].replace(':', '%3A')}']").click()
        assert "would be rejected again" in page.locator("main").inner_text()
        page.get_by_label("Fix").fill('{"data": {"currency": "EUR"}}')
        page.get_by_role("button", name="Replay").click()
        page.wait_for_url(re.compile("/deadletters/"))
        assert "It counts once" in page.locator("main").inner_text()
        assert page.get_by_role("button", name="Replay").count() == 0
        visit.go("/deadletters")
        page.get_by_role("button", name="Replay all that wait").click()
        page.wait_for_url(re.compile("rejected="))
        assert "still bad" in page.get_by_role("status").inner_text()
        visit.go("/audit?type=deadletter.replayed")
        assert page.locator("tbody tr").count() == 2
