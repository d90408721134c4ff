"""Whatever a sender writes is text on the page: in every field, of every page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from access.principal import Role
from collector.deadletters import DeadLetterService
from kernel.clock import FrozenClock
from kernel.journal import JournalWriter
from kernel.telemetry_store.meta import DeadLetter
from tests.dashboards import policy_samples, samples

CORPUS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</script><script>alert(1)</script>",
    "</title></textarea><iframe src=javascript:alert(1)>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "<a href='javascript:alert(1)'>x</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<style>*{display:none}</style><base href=//x.example>",
    "\u2028\u202e<b>\x00</b>",
    "x" * 3_000,
)
PATHS = (
    "/",
    "/slos/payment-success",
    "/incidents",
    "/incidents/INC-1",
    "/runbooks",
    "/runbooks/payment-provider-outage",
    "/policy",
    "/audit",
    "/deadletters",
    "/deadletters/r1:3",
    "/deadletters/record:9",
)
# Elements that can fetch, run, post elsewhere or repaint: none of ours has any of them.
FORBIDDEN = frozenset(
    {"img", "iframe", "object", "embed", "base", "style", "audio", "video", "textarea", "template"}
)


class Scan(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.acting: list[str] = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag in FORBIDDEN:
            self.acting.append(f"<{tag}>")
        if tag == "svg" and "viewbox" not in found:
            self.acting.append(f"<svg {found}>")
        if tag == "script" and not self._ours(found):
            self.acting.append(f"<script {found}>")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.acting.append(f"{tag} {name}={value}")
            if name in {"href", "src", "action"} and not (value or "").startswith(
                ("/", "#", "https://", "?")
            ):
                self.acting.append(f"{tag} {name}={value}")

    @staticmethod
    def _ours(found):
        return found.get("type") == "application/json" or found.get("src", "").startswith(
            "/static/"
        )


class Letters:
    """A telemetry store that holds one dead letter."""

    def __init__(self, text: str) -> None:
        self._text = text

    def deadletters(self, _: object, *, limit: int) -> list[DeadLetter]:
        text = self._text
        return [DeadLetter(9, -1, 5, "shop", text, "otlp", text, text, 120, "d1g3")][:limit]

    def replayed(self, _: object) -> dict[int, tuple[int, str]]:
        return {}


def fill(house, text: str) -> None:
    """`text` in every field that a sender, a model or a person can fill."""
    house.slos = [samples.slo("at_risk", text=text)]
    said = dict.fromkeys(("severity_reason", "silence_reason", "handover_note"), text)
    house.incidents = [
        samples.incident(
            text=text,
            service=text,
            **dict.fromkeys(("acknowledged_by", "taken_by", "severity_by", "silenced_by"), "p1"),
            **said,
            silenced_until=samples.LATER,
            resolution="not_an_incident",
            resolution_reason=text,
        )
    ]
    house.responders = [("p1", text)]
    house.names = {"p1": text}
    states = ("pending", "succeeded", "recovered")
    house.approvals = [samples.approval(state, text=text) for state in states]
    house.timeline = samples.timeline(text)
    house.records = [samples.record(text)]
    house.checkpoint = samples.checkpoint()
    house.health = samples.health(text)
    house.runbooks = [samples.runbook(text)]
    house.policy = policy_samples.policy(text)
    house.gate = policy_samples.gate(text)
    house.stale = text
    section = {"type": "section", "text": {"text": text}, "fields": [{"text": text}]}
    house.slack = [{"type": "header", "text": {"text": text}}, section]


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_nothing_that_was_sent_acts_on_any_page(house, tmp_path, text):
    fill(house, text)
    path = tmp_path / "journal.db"
    JournalWriter(path, FrozenClock()).close()
    stored = DeadLetterService(path, Letters(text)).list()
    house.deadletters = [*stored, samples.refused_item(text)]
    house.enter(Role.RESPONDER, Role.AUDITOR, Role.OWNER)
    for page in PATHS:
        scan = Scan()
        scan.feed(house.page(page))
        assert scan.acting == [], page


@pytest.mark.parametrize("text", CORPUS[:6])
def test_a_login_page_shows_where_it_leads_as_text(house, text):
    scan = Scan()
    scan.feed(house.client.get("/login", params={"next": text, "failed": "1"}).text)
    assert scan.acting == []


def test_a_stored_record_and_a_refused_item_stand_on_the_page(house, tmp_path):
    path = tmp_path / "journal.db"
    JournalWriter(path, FrozenClock()).close()
    stored = DeadLetterService(path, Letters("otlp.decode")).list()
    house.deadletters = [*stored, samples.refused_item("x")]
    house.enter(Role.VIEWER)
    html = house.page("/deadletters")
    assert "record:9" in html
    assert "stored record, 120 bytes" in html
    assert "item 3 refused" in html


def test_numbers_of_charts_cannot_close_their_script_element(house):
    house.slos = [samples.slo()]
    house.points = [
        {"at": samples.AT, "at_us": 1_000_000, "good": 5, "bad": 1, "excluded": 0, "sli": 0.8}
    ]
    house.enter(Role.VIEWER)
    html = house.page("/slos/payment-success")
    charts = re.findall(r"<script type=\"application/json\"[^>]*>(.*?)</script>", html, re.DOTALL)
    assert len(charts) == 2
    assert [json.loads(one)["data"][0] for one in charts] == [[1], [1]]
