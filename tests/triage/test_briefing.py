"""A brief at once, without a model; then the model's, if it was checked; never inside a write."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from sqlmodel import select

from kernel.clock import SECOND_US
from kernel.database import Database
from kernel.facts.slo import BurnAlertOpened
from kernel.facts.triage import BriefReady, IncidentChanged
from kernel.shop_event import ShopEvent
from kernel.telemetry_store.port import Batch, EventRow
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from tests.triage.desk import Desk, Sums
from triage import repository
from triage.asking import Asking
from triage.brief.claims import Claim
from triage.briefing import MAX_REVISIONS, Briefing, Sources
from triage.evidence.evidence import EvidenceBundle, Finding, IncidentContext, mint
from triage.evidence.gather import EvidenceEngine
from triage.identity import Delivery
from triage.model.outcome import (
    Answered,
    AuditDraft,
    Candidate,
    ModelOutcome,
    NotConfigured,
    TimedOut,
)
from triage.models import BriefWorkRow


def outage(onset_us: int, seconds: range) -> list[ShopEvent]:
    """Six payments a second; adyen in eu-central fails from the onset on."""
    found = []
    for second in seconds:
        draw = random.Random(second)
        for n in range(6):
            provider = draw.choice(["adyen", "stripe"])
            region = draw.choice(["eu-central", "eu-west"])
            bad = second >= 0 and (provider, region) == ("adyen", "eu-central")
            found.append(
                ShopEvent(
                    id=f"{second}-{n}",
                    source="shop",
                    type="payment.failed" if bad else "payment.succeeded",
                    time_us=onset_us + second * SECOND_US,
                    payment_id=f"p{second}-{n}",
                    checkout_id=f"c{second}-{n}",
                    provider=provider,
                    region=region,
                    country="DE" if region == "eu-central" else "FR",
                    method="card",
                    amount_minor=8000,
                    currency="EUR",
                    decline_class="technical" if bad else "",
                    error_type="provider_timeout" if bad else "",
                )
            )
    return found


class Shop:
    """A desk with a telemetry store and the parts that write briefs."""

    def __init__(self, desk: Desk, store: SqliteTelemetryStore) -> None:
        self.desk = desk
        self.store = store
        self.answers: list[ModelOutcome] = []
        self.asked: list[tuple[EvidenceBundle, Sequence[Candidate]]] = []
        self.steps = [Candidate("payment-provider-outage", "reroute-region", "Reroute")]
        engine = EvidenceEngine(store, desk.till, desk.clock)
        sources = Sources(engine, desk.till, model_set=True)
        self.briefing = Briefing(desk.database, desk.clock, desk.admission, desk.settings, sources)
        self.asking = Asking(
            desk.database, desk.clock, desk.audit, desk.admission, self.ask, lambda _: self.steps
        )
        self.position = 0
        self.opened: BurnAlertOpened

    def sell(self, onset_us: int, seconds: range) -> None:
        events = outage(onset_us, seconds)
        rows = []
        for event in events:
            self.position += 1
            rows.append(EventRow(self.position, 0, event.time_us, event))
        self.store.write(Batch(cursor=self.position, events=rows))

    def ask(self, bundle: EvidenceBundle, steps: Sequence[Candidate]) -> ModelOutcome:
        # A write from elsewhere gets through while the model thinks: nothing is held open.
        with self.desk.database.unit_of_work() as session:
            session.connection().exec_driver_sql("UPDATE incident SET stale = stale")
        self.asked.append((bundle, steps))
        return self.answers.pop(0) if self.answers else NotConfigured(reason="no key")

    def work(self) -> None:
        while self.briefing.step():
            pass
        while self.asking.step():
            pass


@pytest.fixture
def shop(desk: Desk, tmp_path) -> Iterator[Shop]:
    store = SqliteTelemetryStore(tmp_path / "telemetry", desk.clock, retention_d=7)
    made = Shop(desk, store)
    onset_us = desk.clock.now_us()
    made.sell(onset_us, range(-240, 45))
    desk.clock.advance_s(45)
    desk.till.known = {"payment-success"}
    desk.till.sums["payment-success"] = Sums(
        bad=66, total=270, lost={"EUR": 528_000}, bad_minor={"EUR": 528_000}
    )
    made.opened = desk.burn("a1", "payment-success", "payments", onset_us=onset_us)
    yield made
    store.close()


def answered(**more) -> Answered:
    drafts = (
        AuditDraft("ai.request", "ok", {"model": "m"}, {"request": b"asked"}),
        AuditDraft("ai.suggestion", "ok", {"model": "m"}, {"response": b"said"}),
    )
    claims = (Claim("Card payments through adyen in eu-central time out.", ("E1",)),)
    return Answered(claims=claims, confidence="high", audit=drafts, **more)


def test_the_brief_stands_before_any_model_was_asked(shop):
    assert shop.briefing.step()
    found = shop.desk.incidents.show("INC-1")
    assert shop.asked == []
    assert found.brief.source == "code"
    assert "adyen" in found.brief.text
    assert {one for claim in found.brief.claims for one in claim.evidence_ids} <= {
        one.id for one in found.evidence
    }
    (fact,) = shop.desk.published(BriefReady)
    assert fact["revision"] == 1
    assert fact["labels"]["provider"] == "adyen"
    assert fact["labels"]["objective"] == "payment-success"


def test_the_impact_sets_the_severity_and_it_does_not_fall_again(shop):
    shop.work()
    found = shop.desk.incidents.show("INC-1")
    assert found.severity == "critical"
    assert [one.lost_minor for one in found.impact.money] == [528_000]
    shop.desk.till.sums["payment-success"] = Sums(total=10)
    shop.desk.clock.advance_s(30)
    shop.work()
    assert shop.desk.incidents.show("INC-1").severity == "critical"


def briefed(shop):
    """The number of the incident that the next step writes a brief for."""

    def revisions():
        with shop.desk.database.reading() as session:
            rows = session.exec(select(BriefWorkRow)).all()
            return {row.incident_id: (row.revision, row.due_us) for row in rows}

    before = revisions()
    assert shop.briefing.step()
    after = revisions()
    (changed,) = [one for one in after if after[one] != before[one]]
    return shop.desk.incidents.show(changed).number


def a_storm_and_then_money(shop):
    """INC-2 to INC-7 are disks that fill; INC-8 is a till that fails, told last."""
    desk = shop.desk
    shop.work()
    for number in range(6):
        desk.clock.advance_s(1)
        desk.tell(
            Delivery(
                "alertmanager",
                f"f{number}",
                desk.clock.now_us(),
                resolved=False,
                title="a disk fills",
                labels={"severity": "critical"},
                service=f"disk-{number}",
            )
        )
    desk.clock.advance_s(1)
    desk.burn("money", "checkout-success", "checkout", bad=400, total=600)


def test_in_a_storm_the_money_incident_is_briefed_before_those_that_waited_longer(shop):
    a_storm_and_then_money(shop)
    numbers = [briefed(shop) for _ in range(7)]
    assert "INC-8" in numbers[:2]
    assert set(numbers) == {f"INC-{number}" for number in range(2, 9)}


def test_nobody_waits_for_ever_for_a_brief(shop):
    a_storm_and_then_money(shop)
    numbers = []
    for _ in range(9):
        shop.desk.clock.advance_s(10)  # so that those that lose most are due again
        numbers.append(briefed(shop))
    assert {"INC-2", "INC-8"} <= set(numbers)


def test_without_a_key_the_deterministic_brief_is_all_and_nothing_is_noted(shop):
    shop.work()
    brief = shop.desk.incidents.show("INC-1").brief
    assert (brief.source, brief.revision, brief.model_note) == ("code", 1, "")


def test_a_checked_answer_becomes_the_brief_and_its_step_is_published(shop):
    shop.answers = [answered(suggestion=shop.steps[0])]
    shop.work()
    brief = shop.desk.incidents.show("INC-1").brief
    assert (brief.source, brief.revision) == ("model", 2)
    assert "time out" in brief.text
    first, second = shop.desk.published(BriefReady)
    assert first["suggested_step"] == ""
    assert (second["suggested_runbook"], second["suggested_step"]) == (
        "payment-provider-outage",
        "reroute-region",
    )
    entry = shop.desk.audit.entry(second["suggestion_record"])
    assert (entry.type, entry.actor.kind) == ("ai.suggestion", "model")
    assert shop.desk.audit.payload(entry.id, "response") == b"said"


def test_evidence_that_the_model_asked_for_is_stored_beside_the_rest(shop):
    shop.briefing.step()
    before = [one.id for one in shop.desk.incidents.show("INC-1").evidence]
    found = Finding("breakdown_by", "Bad by region", {"region_1": "eu-central"}, "q", 0, 1)
    piece = mint(f"E{len(before) + 1}", found)
    claim = Claim("The failures are in eu-central.", (piece.id,), "where")
    shop.answers = [replace(answered(), claims=(claim,), added=(piece,))]
    shop.work()
    shown = shop.desk.incidents.show("INC-1")
    assert [one.id for one in shown.evidence] == [*before, piece.id]
    assert shown.evidence[-1].sha256 == piece.sha256
    assert (shown.brief.claims[-1].kind, shown.brief.claims[-1].evidence_ids) == (
        "where",
        [piece.id],
    )


def test_other_evidence_makes_another_suggestion(shop):
    shop.answers = [answered(suggestion=shop.steps[0]), answered(suggestion=shop.steps[0])]
    shop.work()
    shop.briefing._sources = replace(shop.briefing._sources, gatherer=Nothing())
    shop.desk.clock.advance_s(30)
    shop.work()
    suggested = [one["suggestion_record"] for one in shop.desk.published(BriefReady)]
    told = [one for one in suggested if one]
    assert len(told) == len(set(told)) == 2


def test_the_incident_that_costs_most_is_asked_about_first(shop):
    for number in range(2):
        shop.desk.burn(f"b{number}", f"other-{number}", f"service-{number}")
    while shop.briefing.step():
        pass
    numbers = {one.id: one.number for one in shop.desk.incidents.list()}
    weights = {"INC-1": ("major", 5), "INC-2": ("critical", 1), "INC-3": ("critical", 900)}
    with shop.desk.database.unit_of_work() as session:
        for name, (severity, lost) in weights.items():
            row = repository.incident(session, name)
            row.severity, row.impact = severity, {**row.impact, "money_per_minute": lost}
            session.add(row)
            work = session.get(BriefWorkRow, row.id)
            work.ask, work.asked_times = "wanted", 0
            session.add(work)
    for _ in range(3):
        shop.asking.step()
    asked = [numbers[bundle.context.incident_id] for bundle, _ in shop.asked]
    assert asked == ["INC-3", "INC-2", "INC-1"]


def test_an_answer_without_a_step_does_not_ask_for_runbooks_again(shop):
    shop.answers = [answered()]
    shop.work()
    assert shop.desk.incidents.show("INC-1").brief.source == "model"
    assert len(shop.desk.published(BriefReady)) == 1


def test_a_model_that_fails_leaves_the_brief_and_says_so(shop):
    rejected = AuditDraft("ai.rejected", "denied", {"reason": "timeout", "model": "m"})
    shop.answers = [TimedOut(reason="no answer in 20 s", audit=(rejected,))]
    shop.work()
    brief = shop.desk.incidents.show("INC-1").brief
    assert (brief.source, brief.model_note) == ("code", "TimedOut: no answer in 20 s")
    kinds = [one.type for one in shop.desk.incidents.timeline("INC-1")]
    assert kinds[-1] == "ai.rejected"


def test_the_same_evidence_is_asked_about_once(shop):
    for _ in range(3):
        shop.work()
        shop.desk.clock.advance_s(30)
    assert len(shop.asked) == 1


def test_the_model_sees_exactly_what_people_see(shop):
    shop.work()
    shown = shop.desk.incidents.show("INC-1").evidence
    ((bundle, steps),) = shop.asked
    assert [one.sha256 for one in bundle.evidence] == [one.sha256 for one in shown]
    assert steps == shop.steps


def test_an_answer_to_evidence_that_has_changed_is_not_taken(shop):
    ask = shop.ask

    def slow(bundle, steps):
        shop.desk.burn("a2", "payment-success", "payments", segment={"provider": "adyen"})
        shop.desk.till.sums["payment-success"] = Sums(total=10)
        shop.briefing._sources = replace(shop.briefing._sources, gatherer=Nothing())
        assert shop.briefing.step()
        return ask(bundle, steps)

    shop.asking._ask = slow
    shop.answers = [answered(suggestion=shop.steps[0])]
    shop.briefing.step()
    shop.asking.step()
    brief = shop.desk.incidents.show("INC-1").brief
    assert brief.source == "code"
    assert "changed" in brief.model_note


class Nothing:
    """An engine that found nothing."""

    def gather(self, context: IncidentContext) -> EvidenceBundle:
        return EvidenceBundle(context)


def test_an_open_incident_is_looked_at_again_but_only_news_is_news(shop):
    shop.work()
    changes = len(shop.desk.published(IncidentChanged))
    shop.desk.clock.advance_s(9)
    assert not shop.briefing.step()
    shop.desk.clock.advance_s(1)
    assert shop.briefing.step()
    assert len(shop.desk.published(IncidentChanged)) == changes
    shop.desk.till.sums["payment-success"] = Sums(bad=300, total=900, lost={"EUR": 2_400_000})
    shop.desk.clock.advance_s(120)
    assert shop.briefing.step()
    assert shop.desk.incidents.show("INC-1").brief.revision == 2
    assert len(shop.desk.published(BriefReady)) == 1
    shop.desk.clock.advance_s(29)
    assert not shop.briefing.step()
    shop.desk.clock.advance_s(1)
    assert shop.briefing.step()


def test_revisions_are_bounded(shop):
    for n in range(MAX_REVISIONS + 10):
        shop.desk.till.sums["payment-success"] = Sums(bad=2**n, total=2**n)
        shop.briefing.step()
        shop.desk.clock.advance_s(30)
    assert shop.desk.incidents.show("INC-1").brief.revision == MAX_REVISIONS


def test_the_last_brief_is_of_the_whole_incident_and_proposes_nothing(shop):
    shop.work()
    (line,) = shop.desk.incidents.list()
    shop.desk.burnt_out(shop.opened)
    assert shop.desk.incidents.show(line.id).state == "resolved"
    before = len(shop.desk.published(BriefReady))
    shop.work()
    assert shop.desk.incidents.show(line.id).brief.revision > 1
    assert len(shop.desk.published(BriefReady)) == before
    shop.desk.clock.advance_s(300)
    assert not shop.briefing.step()


def test_a_question_that_died_with_the_process_is_asked_again_but_not_for_ever(shop):
    def dies(_bundle, _steps):
        raise KeyboardInterrupt

    shop.briefing.step()
    shop.asking._ask = dies
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            shop.asking.step()
        assert not shop.asking.step()
        shop.desk.clock.advance_s(301)
    assert shop.asking.step()
    assert not shop.asking.step()
    assert shop.desk.incidents.show("INC-1").brief.source == "code"


def test_an_account_that_cannot_answer_does_not_hold_up_the_brief(shop):
    shop.desk.till.sums.clear()
    shop.work()
    found = shop.desk.incidents.show("INC-1")
    assert found.impact is None
    assert found.brief is not None


def test_gathering_holds_no_write_lock(shop):
    other = Database(shop.desk.database.url)

    class Watching:
        def gather(self, context: IncidentContext) -> EvidenceBundle:
            with other.unit_of_work() as session:
                session.connection().exec_driver_sql("UPDATE incident SET stale = stale")
            return EvidenceBundle(context)

    shop.briefing._sources = replace(shop.briefing._sources, gatherer=Watching())
    assert shop.briefing.step()
    other.close()
