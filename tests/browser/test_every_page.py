"""Every page in every width and theme: fits, complains of nothing, and axe finds nothing."""

from __future__ import annotations

import pytest

from tests.browser.visit import DESK, PHONE, TABLET, Visit

pytestmark = pytest.mark.real

PAGES = (
    "/",
    "/slos/payment-success",
    "/slos/checkout-latency?range=28d",
    "/incidents",
    "/incidents/INC-1",
    "/policy",
    "/runbooks",
    "/runbooks/payment-provider-outage",
    "/audit",
    "/deadletters",
    "/glossary",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_every_width_and_has_no_fault(browser, service, incident, scheme):
    faults = []
    with Visit(browser, service.url, DESK, scheme) as visit:
        visit.go("/login")
        faults += seen_in_every_width(visit, "/login")
        visit.log_in(service.token)
        for path in PAGES:
            visit.go(path)
            faults += seen_in_every_width(visit, path)
    assert not faults, "\n".join(faults)


def seen_in_every_width(visit: Visit, path: str) -> list[str]:
    """What is wrong with the page that is open, in each width."""
    faults = []
    for size in (DESK, TABLET, PHONE):
        visit.resize(size)
        if over := visit.overflow():
            faults.append(f"{over} px stand out")
        faults += visit.axe()
        faults += visit.complaints
        visit.complaints.clear()
        if visit.page.evaluate("window.__owned") is not None:
            faults.append("text of a sender was executed")
        faults[:] = [one if one.startswith("[") else f"[{path} {size[0]}] {one}" for one in faults]
    return faults


def test_a_missing_page_says_so_and_leads_back(browser, service, incident):
    with Visit(browser, service.url, PHONE).log_in(service.token) as visit:
        visit.go("/slos/there-is-no-such-promise")
        assert "404" in visit.page.get_by_role("heading", level=1).inner_text()
        assert visit.page.get_by_role("link", name="Overview").first.is_visible()
        assert visit.overflow() == 0
        assert visit.axe() == []
