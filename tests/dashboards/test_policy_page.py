"""The page of the error budget policy: who may ship, why, and who said otherwise."""

from __future__ import annotations

import re
from html import unescape

import pytest

from access.principal import Role
from dashboards.policy_page import listed, policy_sentence
from tests.dashboards import policy_samples


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.fixture
def reader(house):
    house.enter(Role.VIEWER)
    return house


def test_a_frozen_service_says_what_waits_what_may_go_and_why(reader):
    text = words(reader.page("/policy"))
    assert "New features must wait: payments." in text
    assert "✕ Frozen" in text
    assert "Must wait: new features and fixes." in text
    assert "May go out: fixes of a P0 and security fixes." in text
    assert "Overridden by payments until" in text
    assert "over by 20 %" in text
    assert "34.6 %" in text
    assert "▲ Missing" in text


def test_only_owners_see_the_forms_of_overrides_and_only_responders_that_of_postmortems(house):
    house.enter(Role.VIEWER)
    assert "<form method" not in house.page("/policy").split("<main", 1)[1].replace("logout", "")
    house.enter(Role.OWNER)
    html = house.page("/policy")
    assert 'action="/api/gate/overrides"' in html
    assert 'action="/api/gate/overrides/o1/revocation"' in html
    assert 'action="/api/gate/overrides/o2/revocation"' not in html
    assert 'action="/api/postmortems/INC-1"' in html
    assert html.count('name="csrf"') == 4


def test_a_faulty_policy_says_that_nothing_passes(reader):
    problem = {"path": "shop.yaml#0 $.kind", "value": "'x'", "reason": "a kind is wanted"}
    reader.policy = policy_samples.policy(problems=[problem], policies=[])
    text = words(reader.page("/policy"))
    assert "so no change is let pass" in text
    assert "shop.yaml#0 $.kind : a kind is wanted (found 'x')" in text


def test_the_page_of_a_promise_says_whether_its_service_may_ship(reader):
    text = words(reader.page("/slos/payment-success"))
    assert "Can we ship?" in text
    assert text.count("A new feature of payments must wait.") == 1


def test_the_twin_is_the_policy_as_json(reader):
    answer = reader.client.get("/policy", headers={"Accept": "application/json"})
    assert answer.json()["services"][0]["state"] == "frozen"


def service(name: str, *, allowed: bool) -> dict[str, object]:
    return {"service": name, "gate": {"allowed": allowed}}


@pytest.mark.parametrize(
    ("services", "says"),
    [
        ([], "No promise is defined yet, so there is nothing to decide."),
        ([service("a", allowed=True)], "New features may go out: a."),
        ([service(one, allowed=False) for one in "abcde"], "must wait: a, b, c and 2 more."),
        (
            [service("a", allowed=True), service("b", allowed=False)],
            "New features may go out to a; they must wait for b.",
        ),
    ],
)
def test_the_lead_names_the_services(services, says):
    assert policy_sentence(services).endswith(says)


def test_lists_read_as_english():
    assert [listed(list(one)) for one in ("", "a", "ab", "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]
