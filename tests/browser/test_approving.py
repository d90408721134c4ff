"""Approving in the page: the step runs, and the page tells it. A service of its own."""

from __future__ import annotations

import re

import pytest

from tests.browser.service import until
from tests.browser.visit import Visit

pytestmark = pytest.mark.real


def test_approving_in_the_page_runs_the_step_and_the_page_shows_it(browser, service, incident):
    token = service.person("ada", "approver")
    with Visit(browser, service.url).log_in(token, "/incidents/INC-1") as visit:
        page = visit.page
        answers = []
        page.on("response", lambda answer: answers.append((answer.request.method, answer.status)))
        page.get_by_label("Reason").first.fill("the provider is down")
        page.get_by_role("button", name="Approve").click()
        page.wait_for_url(re.compile(incident["id"]))
        assert ("POST", 303) in answers
        page.get_by_text("Decided by").wait_for()
        decided = service.api.get("/api/approvals", incident_id=incident["id"])["approvals"]
        params = next(one["params"] for one in decided if one["decided_at"])
        region, provider = params["region"], params["to_provider"]
        until("the flag is switched", lambda: service.routing(region) == provider)
        page.get_by_text("Done, checking recovery").or_(
            page.get_by_text("Recovered")
        ).first.wait_for()
        assert page.get_by_role("button", name="Approve").count() == 0
        assert visit.complaints == []
