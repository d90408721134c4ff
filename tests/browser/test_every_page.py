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
    "/runbooks",
    "/runbooks/payment-provider-outage",
    "/audit",
    "/deadletters",
    "/glossary",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, TABLET, PHONE], ids=["1280", "768", "390"])
def test_every_page_fits_and_has_no_fault(browser, service, incident, size, scheme):
    faults = []
    with Visit(browser, service.url, size, scheme) as visit:
        visit.go("/login")
        faults += [f"/login: {fault}" for fault in visit.axe()]
        visit.log_in(service.token)
        for path in PAGES:
            visit.go(path)
            visit.page.wait_for_load_state()
            if over := visit.overflow():
                faults.append(f"{path}: {over} px stand out")
            faults += [f"{path}: {fault}" for fault in visit.axe()]
            faults += [f"{path}: {text}" for text in visit.complaints]
            visit.complaints.clear()
            assert visit.page.evaluate("window.__owned") is None
    assert not faults, "\n".join(faults)


def test_a_missing_page_says_so_and_leads_back(browser, service, incident):
    with Visit(browser, service.url, PHONE).log_in(service.token) as visit:
        visit.go("/slos/there-is-no-such-promise")
        assert "404" in visit.page.get_by_role("heading", level=1).inner_text()
        assert visit.page.get_by_role("link", name="Overview").first.is_visible()
        assert visit.overflow() == 0
        assert visit.axe() == []
