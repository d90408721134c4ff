"""Logging in, watching and deciding in a real browser, with and without JavaScript."""

from __future__ import annotations

import re

import pytest

from tests.browser.visit import PHONE, Visit

pytestmark = pytest.mark.real


def test_a_wrong_token_is_refused_in_words_and_the_right_one_leads_on(browser, service, incident):
    with Visit(browser, service.url) as visit:
        visit.go("/incidents/INC-1")
        assert "/login?next=/incidents/INC-1" in visit.page.url
        visit.page.get_by_label("Token").fill("tw_wrong")
        visit.page.get_by_role("button", name="Log in").click()
        assert "not known" in visit.page.get_by_role("alert").inner_text()
        visit.page.get_by_label("Token").fill(service.token)
        visit.page.get_by_role("button", name="Log in").click()
        visit.page.wait_for_url(f"{service.url}/incidents/INC-1")
        visit.page.get_by_role("button", name="Log out").click()
        visit.page.wait_for_url(f"{service.url}/login")


def test_the_page_follows_by_itself_and_keeps_what_the_reader_does(browser, service, incident):
    with Visit(browser, service.url).log_in(service.token, "/incidents/INC-1") as visit:
        page = visit.page
        page.evaluate("window.__not_reloaded = true")
        page.get_by_text("Exactly what will run").click()
        page.get_by_label("Reason").fill("half a senten")
        # The stream is open once the page's first look at it has been answered.
        page.wait_for_function(
            "performance.getEntriesByName(location.origin + '/live?topic=records')"
        )
        service.api.post(f"/api/incidents/{incident['id']}/acknowledge", {})
        page.locator("main .state", has_text="Acknowledged").first.wait_for()
        assert page.evaluate("window.__not_reloaded") is True
        assert page.get_by_label("Reason").input_value() == "half a senten"
        assert page.locator("details[open]", has_text="Exactly what will run").count() == 1
        assert page.get_by_text(incident["evidence"][0]["id"], exact=True).count() > 0
        assert visit.complaints == []


def test_a_viewer_sees_all_and_is_offered_no_decision(browser, service, incident):
    token = service.person("vera", "viewer")
    with Visit(browser, service.url).log_in(token, "/incidents/INC-1") as visit:
        assert visit.page.get_by_role("heading", name="Proposed step").is_visible()
        assert visit.page.get_by_role("button", name="Approve").count() == 0
        assert "not decide" in visit.page.locator("main").inner_text()


def test_without_javascript_a_step_can_be_rejected_with_a_reason(browser, service, incident):
    service.alert("Checkouts fail", slo="checkout-success", service="checkout")
    other = service.incident("checkout-success")
    with Visit(browser, service.url, PHONE, scripts=False) as visit:
        visit.log_in(service.token, f"/incidents/{other['number']}")
        page = visit.page
        assert page.get_by_text("What happened").is_visible()
        assert "UTC" in page.locator("time").first.inner_text()
        page.get_by_label("Reason").fill("the provider said it is over")
        page.get_by_role("button", name="Reject").click()
        page.wait_for_url(re.compile(other["id"]))
        assert page.locator("main .state", has_text="Rejected").count() == 1
        assert "the provider said it is over" in page.locator("main").inner_text()
    assert service.routing("eu-west") == "balanced"
