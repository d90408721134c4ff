"""Woken at 3 am because nothing arrives: what card, page and brief say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernel.clock import MINUTE_US, SECOND_US
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from slo.volume.account import Missing
from slo.volume.expectation import Basis, Expectation
from slo.volume.losses import cost_minor, volume
from tests.triage.desk import Desk, Sums
from triage import repository
from triage.brief.figures import unmatched_figure
from triage.briefing import Briefing, Sources
from triage.evidence.gather import EvidenceEngine
from triage.slack.card import incident_card
from triage.slack.view import card_view

SHOP = Expectation(Basis.HOURS, flat=900.0, references=8)


def missing(onset_us: int, seconds: int, begun: int = 0) -> Missing:
    told = volume(SHOP, begun, onset_us, onset_us + seconds * SECOND_US)
    return Missing(told, cost_minor(told.missing, {"EUR": 4_500_000}, attempts=1000))


@pytest.fixture
def briefing(desk: Desk, tmp_path) -> Iterator[Briefing]:
    store = SqliteTelemetryStore(tmp_path / "telemetry", desk.clock, retention_d=7)
    desk.till.known = {"payment-success"}
    desk.till.sums["payment-success"] = Sums()
    sources = Sources(EvidenceEngine(store, desk.till, desk.clock), desk.till)
    yield Briefing(desk.database, desk.clock, desk.admission, desk.settings, sources)
    store.close()


def fall_silent(desk: Desk, source: str = "", **more):
    onset_us = desk.clock.now_us()
    desk.till.gone["payment-success", source] = missing(onset_us, 120)
    desk.clock.advance_s(120)
    return desk.burn(
        "s1",
        "payment-success",
        "payments",
        **{
            "kind": "silence",
            "tier": "silence",
            "title": "Payments have stopped arriving",
            "onset_us": onset_us,
            "reason": "no payment began since 14:02:10 UTC",
            "bad": 120,
            "total": 120,
            "source": source,
            **more,
        },
    )


def test_the_incident_says_at_once_that_payments_stopped_arriving(desk: Desk):
    fall_silent(desk)
    found = desk.incidents.show("INC-1")
    assert found.title == "Payments have stopped arriving"
    assert found.labels["alertname"] == "Silence"
    assert found.severity == "critical"


def test_the_brief_says_since_when_how_many_are_missing_and_what_they_cost(desk, briefing):
    fall_silent(desk)
    assert briefing.step()
    found = desk.incidents.show("INC-1")
    first, second, *_ = [claim.text for claim in found.brief.claims]
    assert first.startswith("Payments have stopped arriving: 0 began from ")
    assert "about 120 are usual" in first
    assert second.startswith("About 120 are missing (")
    assert "worth about 5,400.00 EUR" in second
    assert "fail" not in found.brief.text
    assert found.title == "Payments have stopped arriving"
    for claim in found.brief.claims[:2]:
        pieces = [one for one in found.evidence if one.id in claim.evidence_ids]
        assert [one.kind for one in pieces] == ["volume"]


def test_every_figure_of_the_brief_is_in_its_evidence(desk, briefing):
    fall_silent(desk)
    engine = briefing._sources.gatherer
    assert briefing.step()
    with desk.database.reading() as session:
        row = repository.incident(session, desk.incidents.show("INC-1").id)
        assert row is not None
        bundle = engine.gather(briefing._context(row, desk.clock.now_us()))
    for claim in desk.incidents.show("INC-1").brief.claims[:2]:
        assert unmatched_figure(claim.text, bundle.evidence)[1] is None


def test_the_card_shows_what_is_missing_before_what_failed(desk, briefing):
    fall_silent(desk)
    briefing.step()
    found = desk.incidents.show("INC-1")
    view = card_view(found, [], public_url="https://t.test", updated_us=0, simulated=False)
    assert view.impact[0].startswith("Missing: about 120 attempts (")
    assert "worth about 5,400.00 EUR" in view.impact[0]
    assert not any("Failed" in line for line in view.impact)
    assert "stopped arriving" in incident_card(view).text


def test_one_source_is_named(desk, briefing):
    fall_silent(desk, source="app", title="Payments from app have stopped arriving")
    briefing.step()
    found = desk.incidents.show("INC-1")
    assert found.labels["silence"] == "app"
    assert found.brief.text.startswith("Payments from app have stopped arriving: 0 began")


def test_attempts_that_also_fail_are_told_beside_those_that_are_missing(desk, briefing):
    desk.burn("b1", "payment-success", "payments")
    fall_silent(desk)
    desk.till.sums["payment-success"] = Sums(bad=9, total=10, lost={"EUR": 9000})
    briefing.step()
    found = desk.incidents.show("INC-1")
    assert len(found.alerts) == 2
    assert "Payments have stopped arriving" in found.brief.text
    assert "not being taken" in found.brief.text
    view = card_view(found, [], public_url="https://t.test", updated_us=0, simulated=False)
    assert [line.split(":")[0] for line in view.impact][:2] == ["Missing", "Failed"]


def test_a_source_that_is_not_heard_is_a_ticket_and_opens_no_incident(desk: Desk):
    desk.burn(
        "n1",
        "payment-success",
        "payments",
        kind="no_data",
        tier="no_data",
        page=False,
        title="No data from shop since 14:02:10 UTC",
        onset_us=desk.clock.now_us() - 6 * MINUTE_US,
    )
    assert desk.incidents.list() == []
