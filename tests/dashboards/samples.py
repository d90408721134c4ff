"""Documents as the features really give them: made through their own output models."""

from __future__ import annotations

from typing import Any

from audit.schemas import ActorOut, CheckpointOut, CommitOut, RecordOut, SubjectOut
from kernel.errors import NotFound
from runbooks.schemas import ApprovalOut, RunningOut, SwitchOut, VoteOut
from slo.money.schemas import (
    AtRiskOut,
    BurnedByOut,
    ConversionOut,
    ConversionWindowOut,
    OrderValueOut,
    PartOut,
    RateOut,
)
from slo.schemas import AlertTierOut, CountsOut, MoneyOut, SegmentOut, SloOut, WindowOut
from triage.schemas import (
    AlertHealthOut,
    AlertOut,
    BriefOut,
    ClaimOut,
    EvidenceOut,
    ImpactOut,
    IncidentOut,
    QuarantinedOut,
    RefusedPostOut,
    TimelineOut,
)
from triage.schemas import MoneyOut as LostOut

AT = "2026-11-18T10:00:00.000000Z"
LATER = "2026-11-18T11:00:00.000000Z"
INCIDENT_ID = "01a20343-de23-7e21-a158-8172bfc3bba1"
APPROVAL_ID = "01a20343-e000-7559-a337-34d2b893a680"
RATES = {"5m": 51.0, "30m": 42.8, "1h": 34.7, "2h": 26.9, "6h": 16.8, "1d": 6.4, "3d": None}


def slo(state: str = "ok", *, text: str = "Payments succeed", **changes: Any) -> SloOut:
    """An objective; every free text in it is `text`."""
    counts = CountsOut(good=9_970, bad=30, excluded=412, pending=None)
    money = MoneyOut(
        currency="EUR",
        good_minor=4_310_744,
        bad_minor=11_937,
        lost_minor=8_382,
        budget_left=0.4,
        allowed_minor=21_613,
        allowed_exact="4322681/200",
        left_minor=9_676,
        sentence=text,
    )
    key = {"provider": text, "region": "eu-central"}
    burning = [] if state in {"ok", "no_data"} else [_burning(text, key)]
    values = {
        "id": "payment-success",
        "name": text,
        "description": text,
        "service": text,
        "owner": text,
        "target": 0.995,
        "generation": "feb17bb0a6be",
        "window": WindowOut(
            seconds=2_419_200, start=AT, to=LATER, ends=LATER, counted_from=AT, elapsed=1.0
        ),
        "counts": counts,
        "sli": 0.997,
        "budget_left": 0.4,
        "bad_left": 20,
        "burn_rates": RATES,
        "state": state,
        "reason": text if state != "ok" else "",
        "coverage": 0.998,
        "watermark": AT,
        "heard_until": AT,
        "sources": ["shop"],
        "money": [money],
        "alerts": burning,
        "segments": [
            SegmentOut(
                key=key,
                counts=counts,
                sli=0.997,
                budget_left=-0.94,
                burn_rates=RATES,
                state="broken",
                money=[money],
            )
        ],
        "notes": [],
        "money_method": text,
        "attribution": [_part(key)],
        "burned_by": _burned_by(text, key),
        "burning_now": _burned_by(f"{text} now", key),
        "at_risk": _at_risk(text),
        "conversion": _conversion(text),
    }
    return SloOut.model_validate(values | changes)


def _part(key: dict[str, str]) -> PartOut:
    return PartOut(
        labels=key,
        bad=19,
        total=800,
        share=19 / 30,
        share_exact="19/30",
        traffic=0.08,
        budget_spent=0.38,
        bad_minor={"EUR": 9_000},
        money_share={"EUR": 0.75},
    )


def _burned_by(text: str, key: dict[str, str]) -> BurnedByOut:
    by_label = {name: [_part({name: value})] for name, value in key.items()}
    return BurnedByOut(
        start=AT, to=LATER, bad=30, sentence=text, method=text, named=[], by_label=by_label
    )


def _at_risk(text: str) -> AtRiskOut:
    rate = RateOut(currency="EUR", per_minute_minor=12_640, low_minor=9_000, high_minor=17_010)
    return AtRiskOut(
        state="known",
        sentence=text,
        method=text,
        window_s=300,
        start=AT,
        to=LATER,
        bad=30,
        total=360,
        money=[rate],
    )


def _conversion(text: str) -> ConversionOut:
    value = OrderValueOut(
        currency="EUR",
        orders=420,
        value_minor=2_100_000,
        average_minor=5_000,
        week_before_minor=4_600,
        change=0.087,
    )
    hour = ConversionWindowOut(
        window="1h",
        start=AT,
        to=LATER,
        completed=420,
        ended=600,
        ratio=0.7,
        coverage=1.0,
        week_before=0.712,
        change=-0.012,
        note=text,
        order_values=[value],
    )
    return ConversionOut(of="payments", method=text, reason="", windows=[hour])


def nothing_counted(state: str = "no_data") -> SloOut:
    """An objective of which nothing is known."""
    empty = CountsOut(good=0, bad=0, excluded=0, pending=0)
    return slo(
        state,
        counts=empty,
        sli=None,
        budget_left=None,
        bad_left=None,
        burn_rates=dict.fromkeys(RATES),
        coverage=0.0,
        heard_until=None,
        money=[],
        segments=[],
        attribution=[],
        burned_by=_burned_by("Nothing was counted.", {}).model_copy(update={"bad": 0}),
        burning_now=None,
        at_risk=_at_risk("Cannot tell what fails now.").model_copy(
            update={"state": "no_data", "bad": None, "total": None, "money": []}
        ),
        conversion=None,
    )


def _burning(text: str, key: dict[str, str]) -> AlertTierOut:
    return AlertTierOut(id="a1", tier="fast", since=AT, page=True, segment=key, reason=text)


def incident(state: str = "open", *, text: str = "Payments fail", **changes: Any) -> IncidentOut:
    """An incident with a brief; every free text in it is `text`."""
    alert = AlertOut(
        source="alertmanager",
        fingerprint="0000000000000001",
        status="firing",
        starts_at=AT,
        ends_at=None,
        joined_by="opened the incident",
        title=text,
        labels={"alertname": text},
        link="https://example.com/",
    )
    brief = BriefOut(
        text=text,
        source="code",
        claims=[ClaimOut(text=text, evidence_ids=["E1"])],
        missing_sources=[text],
        verdict="not_a_change_of_ours",
        confidence="high",
        revision=2,
        at=AT,
        model_note=text,
    )
    values = {
        "id": INCIDENT_ID,
        "number": "INC-1",
        "state": state,
        "stale": False,
        "severity": "critical",
        "title": text,
        "service": text,
        "onset_at": AT,
        "opened_at": AT,
        "acknowledged_at": None,
        "acknowledged_by": "",
        "resolved_at": LATER if state == "resolved" else None,
        "slos": ["payment-success"],
        "labels": {"provider": text},
        "impact": impact(),
        "alerts": [alert],
        "evidence": [evidence(text)],
        "brief": brief,
        "proposals": [],
    }
    return IncidentOut.model_validate(values | changes)


def evidence(text: str) -> EvidenceOut:
    """One finding."""
    return EvidenceOut(
        id="E1",
        kind="breakdown",
        summary=text,
        numbers={"bad_in": 77, "share_in": 0.95, "segment": text},
        query=text,
        from_=AT,
        to=LATER,
        sha256="5ee97305884d516266a75a66822fd408b0e3ffc0d8ce8fe0dffeea33a32abc5a",
    )


def impact() -> ImpactOut:
    """What it costs."""
    return ImpactOut(
        objective="payment-success",
        bad=77,
        total=230,
        orders_per_minute=71.1,
        money_per_minute=4_156.6,
        money=[LostOut(currency="EUR", bad_minor=570_973, lost_minor=296_732)],
        from_=AT,
        to=LATER,
    )


def approval(state: str = "pending", *, text: str = "Reroute", **changes: Any) -> ApprovalOut:
    """A step that is proposed; every free text in it is `text`."""
    decided = state not in {"proposed", "pending", "expired"}
    vote = VoteOut(
        person=text,
        decision="approve",
        reason=text,
        channel="web",
        at=AT,
        record="r1",
        simulated=False,
    )
    values = {
        "id": APPROVAL_ID,
        "incident_id": INCIDENT_ID,
        "runbook": "payment-provider-outage",
        "runbook_title": text,
        "step": "reroute-region",
        "step_title": text,
        "kind": "flag",
        "tier": "R2",
        "params": {"region": text},
        "target": text,
        "what": text,
        "undo": text,
        "dry_run": [text],
        "why": text,
        "digest": "448749d27c0413327aa0b5b37c619d949275ebf8fb019f5201e38af1118a7b38",
        "state": state,
        "expires_at": LATER,
        "requested_at": AT,
        "decided_by": text if decided else "",
        "decided_at": AT if decided else None,
        "executed_at": AT if decided else None,
        "reason": text if decided else "",
        "note": text if decided else "",
        "waits_for": "" if decided else text,
        "votes": [vote] if decided else [],
        "result": text if decided else "",
        "result_detail": {"summary": text},
        "recovery": "recovered" if state == "recovered" else "",
        "recovery_detail": {"state": text, "good_in_5m": 40},
        "undo_of": "",
        "proposed_by": "system:runbooks",
        "simulated": False,
    }
    return ApprovalOut.model_validate(values | changes)


def switched_on() -> SwitchOut:
    """Nobody ever switched anything off."""
    return SwitchOut(stopped=False, reason="", by="", at=None, cancelled=0, running=[])


def switched_off() -> SwitchOut:
    """All execution is off, and one step was under way."""
    running = RunningOut(id=APPROVAL_ID, incident_id=INCIDENT_ID, what="Set flag a")
    reason = "the flags look wrong"
    return SwitchOut(stopped=True, reason=reason, by="Ann", at=AT, cancelled=2, running=[running])


def timeline(text: str) -> list[TimelineOut]:
    """Opened, three briefs, an approval asked for."""
    types = ["incident.opened", *["incident.brief"] * 3, "approval.requested"]
    return [
        TimelineOut(at=AT, what=text, actor_kind="system", actor=text, type=one, record="r")
        for one in types
    ]


def record(text: str, seq: int | None = 7) -> RecordOut:
    """One record of the audit log."""
    return RecordOut(
        seq=seq,
        id="01a20343-e000-7559-a337-34d2b893a681",
        at=AT,
        type="approval.requested",
        actor=ActorOut(kind="human", ref=text, auth="session", session="s"),
        subject=SubjectOut(kind="incident", ref=INCIDENT_ID),
        incident=INCIDENT_ID,
        outcome=text,
        data={"title": text, "names": [text, text], "params": {text: text}, "count": 3},
        checkpointed=seq is not None,
        parent=[],
        payloads=[CommitOut(name=text, digest="1f97aba5dcb6" * 5, klass="internal")],
        trace_id="",
    )


def checkpoint() -> CheckpointOut:
    """The newest signature."""
    return CheckpointOut(origin="tillwatch/1/audit", size=8, root="0e5b41" * 10, at=AT, note="")


def health(text: str, *, empty: bool = False) -> AlertHealthOut:
    """How the receiver of alerts is doing."""
    refused = RefusedPostOut(status=413, reason=text, peer=text, at=AT)
    aside = [
        QuarantinedOut(position=4, item=item, reason=text, receipt="r", at=AT) for item in (-1, 3)
    ]
    return AlertHealthOut(
        refused={} if empty else {"413": 2},
        refused_posts=[] if empty else [refused],
        quarantined=[] if empty else aside,
        echoes=0,
        truncated=0 if empty else 5,
    )


def runbook(text: str) -> dict[str, Any]:
    """A page of the catalogue; `body` is Markdown."""
    step = {
        "id": "reroute-region",
        "title": text,
        "kind": "flag",
        "tier": "R2",
        "description": text,
        "facts": {"Sets": text, "Undo": text},
    }
    contact = {"name": text, "status_page": "https://status.example.com/", "support": text}
    return {
        "id": "payment-provider-outage",
        "title": text,
        "owner": text,
        "sha256": "b95e8d3ed1212ff0" * 4,
        "steps": [step],
        "contacts": [contact],
        "body": f"# What\n\n{text}\n\n[a link](javascript:alert(1))\n",
    }


def letters(found: list[dict[str, Any]], rule: str, source: str) -> dict[str, Any]:
    """What the list of dead letters reads."""
    fit = [one for one in found if rule in ("", one["rule"]) and source in ("", one["source"])]
    return {"deadletters": fit, "totals": {"kept": len(fit), "bytes": 10, "gone": 3}}


def letter(found: list[dict[str, Any]], letter_id: str) -> dict[str, Any]:
    """One of them, with what a replay would make of it."""
    one = next((one for one in found if one["id"] == letter_id), None)
    if one is None:
        raise NotFound(f"there is no dead letter {letter_id!r}")
    now = {"id": letter_id, "outcome": "rejected", "reason": one["reason"]}
    return {"item": None, "now": now, **one}


def refused_item(text: str, **more: Any) -> dict[str, Any]:
    """An item that was rejected at the door."""
    return {
        "id": "r1:3",
        "kind": "item",
        "at": AT,
        "stream": "shop",
        "format": "shop.events",
        "source": text,
        "sender": text,
        "receipt": "r1",
        "index": 3,
        "rule": text,
        "schema": "event/1",
        "path": text,
        "reason": text,
        "length": 120,
        "digest": "d1g3",
        "tries": 2,
        "state": "waiting",
        "item": {"type": text, text: [text]},
        **more,
    }
