"""Brings incidents to Slack through the outbox.

A delivery carries only the incident's id: the message is rendered when it is sent, from the state
of that moment, so an old rendering can never overwrite a new one. Changes that come while a
delivery waits are folded into it, and a card is written at most once a second. Where Slack asks to
wait, nothing at all is sent until then: its limits hold for the app, not for one message. In a
storm of incidents the worst have a card, and one message counts the rest (`flood`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sqlmodel import Session, col, func, select

from kernel.clock import MINUTE_US, SECOND_US, Clock
from kernel.database import Database
from kernel.facts import Fact, Subscription
from kernel.facts.runbooks import ApprovalChanged, ApprovalUnanswered
from kernel.facts.triage import BriefReady, IncidentChanged, IncidentOpened, IncidentResolved
from kernel.ids import uuid7
from kernel.outbox import Delivery, DeliveryRow, RetryLater, enqueue
from triage.incident import IncidentState, Severity
from triage.models import IncidentRow
from triage.slack.asking import Called, question
from triage.slack.card import CardView, Message, evidence_thread, incident_card
from triage.slack.client import MessageGone
from triage.slack.flood import SHOWN, WINDOW_US, Held, has_room, held_message
from triage.slack.history import (
    INCIDENT_TURNS,
    STEP_TURNS,
    turn_of_incident,
    turn_of_step,
)
from triage.slack.models import SlackMessageRow
from triage.slack.proposal_blocks import WAITING
from triage.slack.text import MAX_SECTION, notification, section

CHANNEL = "slack"
_SUBSCRIBER = "triage.slack.publish"
_APART_US = SECOND_US
# The lane and the row of the message about all that have no card.
_HELD = "held"
_HELD_APART_US = 10 * SECOND_US


class Sender(Protocol):
    """What sends: the Slack client."""

    def post(
        self, channel: str, message: Message, thread_ts: str = "", *, broadcast: bool = False
    ) -> tuple[str, str]: ...
    def update(self, channel: str, ts: str, message: Message) -> None: ...
    def tell(self, channel: str, user: str, text: str) -> None: ...


class SlackPublisher:
    """Subscribes to facts and delivers. `view` renders an incident's present state, or None."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        sender: Sender,
        channel: str,
        view: Callable[[str], CardView | None],
        called: Called | None = None,
        *,
        list_url: str = "",
    ) -> None:
        """`list_url`: the page that lists all incidents."""
        self._database = database
        self._clock = clock
        self._sender = sender
        self._channel = channel
        self._view = view
        self._called = called or Called()
        self._list_url = list_url
        self._quiet_until_us = 0

    def subscription(self) -> Subscription:
        """Any fact about an incident means: its card has to be written anew."""
        facts: list[type[Fact]] = [
            IncidentOpened,
            BriefReady,
            IncidentChanged,
            IncidentResolved,
            ApprovalChanged,
            ApprovalUnanswered,
        ]
        return Subscription(_SUBSCRIBER, facts, self._changed)

    def deliver(self, delivery: Delivery) -> Callable[[Session], None] | None:
        """The outbox's deliverer of channel `slack`."""
        now_us = self._clock.now_us()
        if now_us < self._quiet_until_us:
            left_s = (self._quiet_until_us - now_us) / SECOND_US
            raise RetryLater("Slack has asked to wait", left_s)
        try:
            return self._deliver(delivery)
        except RetryLater as later:
            if later.after_s:
                self._quiet_until_us = now_us + round(later.after_s * SECOND_US)
            raise

    def _deliver(self, delivery: Delivery) -> Callable[[Session], None] | None:
        payload = delivery.payload
        match payload["kind"]:
            case "ephemeral":
                self._sender.tell(payload["channel"], payload["user"], payload["text"])
            case "notice":
                self._sender.post(self._channel, _said(payload["text"]))
            case "thread":
                return self._send_thread(payload["incident_id"], payload["revision"])
            case "question":
                self._ask(payload)
            case "turn":
                self._tell_turn(payload)
            case "held":
                return self._send_held()
            case _:
                return self._send_card(payload["incident_id"])
        return None

    def tell(self, session: Session, channel: str, user: str, text: str) -> None:
        """Queue a line that only one person sees."""
        payload = {"kind": "ephemeral", "channel": channel, "user": user, "text": text}
        self._enqueue(session, f"user:{user}", uuid7(self._clock), payload)

    def notice(self, session: Session, key: str, text: str) -> None:
        """Queue a line for the channel, once per key."""
        self._enqueue(session, "notices", f"notice:{key}", {"kind": "notice", "text": text})

    def _changed(self, session: Session, fact: Any) -> None:
        incident_id = fact.incident_id
        if isinstance(fact, ApprovalUnanswered):
            self._enqueue_question(session, fact)
            return
        row = session.get(SlackMessageRow, incident_id)
        row = row or SlackMessageRow(incident_id=incident_id)
        row.wanted += 1
        row.held = not (row.ts or row.asked_us or self._has_room(session, row))
        if row.held:
            session.add(row)
            self._enqueue_held(session)
            return
        row.asked_us = row.asked_us or self._clock.now_us()
        session.add(row)
        if not self._waits(session, incident_id, "card"):
            self._enqueue_card(session, incident_id)
        if isinstance(fact, BriefReady):
            payload = {"kind": "thread", "incident_id": incident_id, "revision": fact.revision}
            self._enqueue(session, incident_id, f"thread:{incident_id}:{fact.revision}", payload)
        self._enqueue_turn(session, fact)

    def _enqueue_question(self, session: Session, fact: ApprovalUnanswered) -> None:
        payload: dict[str, Any] = {"kind": "question", "incident_id": fact.incident_id}
        payload |= {"approval_id": fact.approval_id, "rung": fact.rung, "waited_s": fact.waited_s}
        key = f"question:{fact.approval_id}:{fact.rung}"
        self._enqueue(session, fact.incident_id, key, payload)

    def _enqueue_turn(self, session: Session, fact: Any) -> None:
        """A line for the thread: once for each state of a step, once a minute for each other."""
        payload = {"kind": "turn", "incident_id": fact.incident_id}
        if isinstance(fact, ApprovalChanged) and fact.state in STEP_TURNS:
            payload |= {"approval_id": fact.approval_id, "state": fact.state}
            key = f"turn:{fact.approval_id}:{fact.state}"
        elif isinstance(fact, IncidentChanged) and fact.what in INCIDENT_TURNS:
            payload |= {"what": fact.what}
            key = f"turn:{fact.incident_id}:{fact.what}:{self._clock.now_us() // MINUTE_US}"
        else:
            return
        self._enqueue(session, fact.incident_id, key, payload)

    def _send_card(self, incident_id: str) -> Callable[[Session], None] | None:
        row, view = self._now(incident_id)
        if view is None:
            return None
        wanted = row.wanted
        channel, ts = row.channel, row.ts
        message = incident_card(view)
        if ts:
            try:
                self._sender.update(channel, ts, message)
            except MessageGone:
                ts = ""
        if not ts:
            channel, ts = self._sender.post(self._channel, message)

        def sent(session: Session) -> None:
            now = session.get(SlackMessageRow, incident_id)
            if now is None:
                return
            now.channel, now.ts, now.sent = channel, ts, wanted
            session.add(now)
            if now.wanted > wanted and not self._waits(session, incident_id, "card"):
                self._enqueue_card(session, incident_id)

        return sent

    def _ask(self, payload: Mapping[str, Any]) -> None:
        """Call somebody, unless it is decided by now or the incident is to be quiet."""
        row, view = self._now(payload["incident_id"])
        if view is None or not row.ts or view.silenced_until:
            return
        for proposal in view.proposals:
            if proposal.approval_id == payload["approval_id"] and proposal.state in WAITING:
                said = question(proposal, payload["rung"], payload["waited_s"], self._called)
                self._sender.post(row.channel, said, thread_ts=row.ts, broadcast=True)

    def _tell_turn(self, payload: Mapping[str, Any]) -> None:
        row, view = self._now(payload["incident_id"])
        if view is None or not row.ts:
            return
        if "what" in payload:
            said = turn_of_incident(view, payload["what"])
        else:
            said = turn_of_step(view, payload["approval_id"], payload["state"])
        if said is not None:
            self._sender.post(row.channel, said, thread_ts=row.ts)

    def _now(self, incident_id: str) -> tuple[SlackMessageRow, CardView | None]:
        """Where the incident's message stands, and what it shows by now."""
        with self._database.reading() as session:
            row = session.get(SlackMessageRow, incident_id)
        return row or SlackMessageRow(incident_id=incident_id), self._view(incident_id)

    def _send_thread(self, incident_id: str, revision: int) -> Callable[[Session], None] | None:
        row, view = self._now(incident_id)
        if view is None or not row.ts or row.thread_revision >= revision:
            return None
        if view.silenced_until:
            return None  # whoever follows the thread would be called
        self._sender.post(row.channel, evidence_thread(view), thread_ts=row.ts)

        def sent(session: Session) -> None:
            now = session.get(SlackMessageRow, incident_id)
            if now is not None:
                now.thread_revision = max(now.thread_revision, revision)
                session.add(now)

        return sent

    def _has_room(self, session: Session, row: SlackMessageRow) -> bool:
        """Whether an incident without a card gets one; late ones of what is over tell nothing."""
        incident = session.get(IncidentRow, row.incident_id)
        if row.held and incident is not None and incident.state == IncidentState.RESOLVED:
            return False
        since_us = self._clock.now_us() - WINDOW_US
        lately = session.exec(
            select(func.count()).where(col(SlackMessageRow.asked_us) > since_us)
        ).one()
        critical = incident is not None and incident.severity == Severity.CRITICAL
        return has_room(lately, critical=critical)

    def _send_held(self) -> Callable[[Session], None] | None:
        with self._database.reading() as session:
            held = held_incidents(session)
            row = session.get(SlackMessageRow, _HELD)
        channel, ts = (row.channel, row.ts) if row else ("", "")
        if not held.burning and not ts:
            return None
        message = held_message(held, self._list_url)
        if ts:
            try:
                self._sender.update(channel, ts, message)
            except MessageGone:
                ts = ""
        if not ts:
            channel, ts = self._sender.post(self._channel, message)

        def sent(session: Session) -> None:
            now = session.get(SlackMessageRow, _HELD) or SlackMessageRow(incident_id=_HELD)
            # The next storm gets a message of its own, where people look.
            now.channel, now.ts = channel, ts if held.burning else ""
            session.add(now)

        return sent

    def _enqueue_held(self, session: Session) -> None:
        if self._waits(session, _HELD, "held"):
            return
        after_us = self._last_sent_us(session, _HELD)
        apart_us = after_us + _HELD_APART_US if after_us else 0
        self._enqueue(session, _HELD, uuid7(self._clock), {"kind": "held"}, apart_us)

    @staticmethod
    def _waits(session: Session, lane: str, kind: str) -> bool:
        waiting = session.exec(
            select(DeliveryRow)
            .where(DeliveryRow.channel == CHANNEL)
            .where(DeliveryRow.lane == lane)
            .where(DeliveryRow.state == "waiting")
        ).all()
        return any(row.payload.get("kind") == kind for row in waiting)

    def _enqueue_card(self, session: Session, incident_id: str) -> None:
        payload = {"kind": "card", "incident_id": incident_id}
        last_us = self._last_sent_us(session, incident_id)
        after_us = last_us + _APART_US if last_us else 0
        self._enqueue(session, incident_id, uuid7(self._clock), payload, after_us)

    @staticmethod
    def _last_sent_us(session: Session, lane: str) -> int | None:
        return session.exec(
            select(func.max(col(DeliveryRow.finished_us)))
            .where(DeliveryRow.channel == CHANNEL)
            .where(DeliveryRow.lane == lane)
            .where(DeliveryRow.state == "delivered")
        ).one()

    def _enqueue(
        self,
        session: Session,
        lane: str,
        key: str,
        payload: dict[str, Any],
        not_before_us: int = 0,
    ) -> None:
        enqueue(
            session,
            channel=CHANNEL,
            lane=lane,
            idempotency_key=f"slack:{key}",
            payload=payload,
            clock=self._clock,
            not_before_us=not_before_us,
        )


def _said(text: str) -> Message:
    """A line for everybody in the channel."""
    return Message(text=notification(text, MAX_SECTION), blocks=[section(text)])


def held_incidents(session: Session) -> Held:
    """What burns and has no card, the worst first."""
    query = (
        select(IncidentRow.number, IncidentRow.severity, IncidentRow.title)
        .join(SlackMessageRow, col(SlackMessageRow.incident_id) == col(IncidentRow.id))
        .where(col(SlackMessageRow.held).is_(True))
        .where(IncidentRow.state != IncidentState.RESOLVED)
    )
    burning = session.exec(select(func.count()).select_from(query.subquery())).one()
    worst = session.exec(
        query.order_by(
            col(IncidentRow.severity_weight).desc(),
            col(IncidentRow.money_rate).desc(),
            col(IncidentRow.order_rate).desc(),
            col(IncidentRow.number),
        ).limit(SHOWN)
    )
    return Held(burning, [(f"INC-{number}", level, title) for number, level, title in worst])
