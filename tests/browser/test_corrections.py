"""Corrections in a real browser: proposed and approved by two people, without JavaScript too."""

from __future__ import annotations

import re

import pytest

from kernel.api_client import ApiClient
from kernel.clock import HOUR_US, SystemClock, rfc3339
from tests.browser.test_every_page import seen_in_every_width
from tests.browser.visit import DESK, PHONE, Visit
from tests.journeys.shop import coming_monday

pytestmark = pytest.mark.real

PAGE = "/slos/payment-success"


def propose(service, token: str, **changes: object) -> None:
    """A correction, over HTTP."""
    said = {"category": "other", "objectives": ["payment-success"], **changes}
    client = ApiClient(service.url, token)
    client.post("/api/corrections", said)
    client.close()


@pytest.fixture(scope="module")
def people(service, incident) -> dict[str, str]:
    return {
        "ada": service.person("ada", "responder", "viewer"),
        "ben": service.person("ben", "approver", "viewer"),
        "vera": service.person("vera", "viewer"),
    }


def test_two_people_agree_without_javascript(browser, service, people):
    with Visit(browser, service.url, PHONE, scripts=False) as visit:
        visit.log_in(people["ada"], PAGE)
        page = visit.page
        page.get_by_text("Propose a correction").click()
        at_us = SystemClock().now_us()
        page.get_by_label("From").fill(rfc3339(at_us - 2 * HOUR_US)[:16])
        page.get_by_label("To", exact=True).fill(rfc3339(at_us + HOUR_US)[:16])
        page.get_by_label("Reason").last.fill("the provider moves house")
        page.get_by_role("button", name="Propose").click()
        page.wait_for_url(re.compile("#corrections"))
        text = page.locator("main").inner_text()
        assert "Somebody else decides" in text
        assert page.get_by_role("button", name="Approve").count() == 0
    with Visit(browser, service.url, PHONE, scripts=False) as visit:
        visit.log_in(people["vera"], PAGE)
        assert "You may look, not decide" in visit.page.locator("main").inner_text()
        assert visit.page.get_by_role("button", name="Approve").count() == 0
    with Visit(browser, service.url, PHONE, scripts=False) as visit:
        visit.log_in(people["ben"])
        page = visit.page
        waiting = page.locator(".card", has_text="the provider moves house")
        waiting.get_by_role("link", name="payment-success").click()
        card = page.locator(".card", has_text="the provider moves house")
        assert "If it is approved: leaves out" in card.inner_text()
        card.get_by_role("button", name="Approve").click()
        page.wait_for_url(re.compile("#corrections"))
        text = page.locator("main").inner_text()
        assert "Nothing left out" in text
        assert "Left out now" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_section_fits_every_width_and_has_no_fault(browser, service, people, scheme):
    monday = coming_monday()
    propose(
        service,
        people["ada"],
        **{
            "from": f"{monday}T02:00",
            "to": f"{monday}T04:00",
            "zone": "Europe/Berlin",
            "rule": "FREQ=WEEKLY;BYDAY=MO",
            "segment": {"provider": "adyen"},
            "reason": "the weekly batch",
        },
    )
    faults = []
    with Visit(browser, service.url, DESK, scheme).log_in(people["ben"], PAGE) as visit:
        visit.go("/")
        faults += seen_in_every_width(visit, "/")
        visit.go(PAGE)
        visit.page.get_by_text("Propose a correction").click()
        faults += seen_in_every_width(visit, PAGE)
        assert visit.complaints == []
    assert not faults, "\n".join(faults)
