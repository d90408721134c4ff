"""The second channel: each opened and resolved incident also goes to Alertmanager or a webhook.

Used at once where an address is set, so that people hear of an incident even when Slack is away.
Alertmanager gets `POST {url}/api/v2/alerts`; the webhook gets a Standard Webhooks message
(https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp`, `webhook-signature` =
`v1,` + base64(HMAC-SHA256(secret, id.timestamp.body))).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

import httpx2
from pydantic import SecretStr
from sqlmodel import Session

from kernel.clock import HOUR_US, MINUTE_US, SECOND_US, Clock, rfc3339
from kernel.errors import NotConfigured
from kernel.outbox import Delivery, Outbox, PermanentFailure, RetryLater, enqueue
from triage.burn_push import burn_alert
from triage.identity import ECHO_LABEL
from triage.identity import Delivery as AlertTold
from triage.models import IncidentRow
from triage.settings import TriageSettings

ALERTMANAGER = "alertmanager"
WEBHOOK = "webhook"
_TIMEOUT_S = 5.0
# Alertmanager forgets an alert after its end: each push says "until in 2 h", renewed every hour.
_FIRES_FOR_US = 2 * HOUR_US
_NOTICE_US = 15 * MINUTE_US
_RENEW_EVERY_US = HOUR_US


class SecondChannel:
    """Writes the deliveries, in the transaction of the incident's change."""

    def __init__(self, settings: TriageSettings, public_url: str, clock: Clock) -> None:
        self._settings = settings
        self._public_url = public_url.rstrip("/")
        self._clock = clock

    def announce(self, session: Session, row: IncidentRow, what: str, at_us: int) -> None:
        """Tell that the incident was opened (or reopened) or resolved."""
        if self._settings.alertmanager_url:
            self._push(session, row, f"{what}:{at_us}", at_us)
        if self._settings.second_webhook_url:
            body = {
                "type": f"incident.{what}",
                "timestamp": rfc3339(at_us),
                "data": self._data(row),
            }
            self._enqueue(session, WEBHOOK, row, f"{what}:{at_us}", body)

    def notice(self, session: Session, key: str, text: str) -> None:
        """Tell people one line that belongs to no incident, once per key."""
        at_us = self._clock.now_us()
        bodies: dict[str, dict[str, Any]] = {}
        if self._settings.alertmanager_url:
            alert = {
                "labels": {
                    "alertname": "TillwatchNotice",
                    "severity": "page",
                    "notice": key.partition(":")[0],
                    ECHO_LABEL: key,
                },
                "annotations": {"summary": text},
                "startsAt": rfc3339(at_us),
                "endsAt": rfc3339(at_us + _NOTICE_US),
                "generatorURL": f"{self._public_url}/",
            }
            bodies[ALERTMANAGER] = {"alerts": [alert]}
        if self._settings.second_webhook_url:
            data = {"text": text, "url": f"{self._public_url}/"}
            bodies[WEBHOOK] = {"type": "notice", "timestamp": rfc3339(at_us), "data": data}
        for channel, body in bodies.items():
            enqueue(
                session,
                channel=channel,
                lane="notices",
                idempotency_key=f"{channel}:notice:{key}",
                payload=body,
                clock=self._clock,
            )

    def renew(self, session: Session, row: IncidentRow, now_us: int) -> None:
        """Keep the alert of an open incident alive in Alertmanager: at most once an hour."""
        if self._settings.alertmanager_url and now_us - row.opened_us >= _RENEW_EVERY_US:
            self._push(session, row, f"renewed:{now_us // _RENEW_EVERY_US}", now_us)

    def alert(self, session: Session, told: AlertTold, what: str, at_us: int) -> None:
        """Tell Alertmanager that one of our burn alerts fires (or, where resolved, is over)."""
        if not self._tells_alerts:
            return
        ends_us = told.ends_us if told.resolved and told.ends_us else at_us + _FIRES_FOR_US
        enqueue(
            session,
            channel=ALERTMANAGER,
            lane=told.fingerprint,
            idempotency_key=f"{ALERTMANAGER}:{told.fingerprint}:{what}",
            payload={"alerts": [burn_alert(told, self._public_url, ends_us)]},
            clock=self._clock,
        )

    def is_due(self, told: AlertTold, now_us: int) -> bool:
        """True for an open burn alert that is old enough to be told again."""
        return self._tells_alerts and now_us - told.starts_us >= _RENEW_EVERY_US

    def renew_alert(self, session: Session, told: AlertTold, now_us: int) -> None:
        """Keep an open burn alert alive in Alertmanager: once an hour."""
        self.alert(session, told, f"renewed:{now_us // _RENEW_EVERY_US}", now_us)

    @property
    def _tells_alerts(self) -> bool:
        return bool(self._settings.alertmanager_url and self._settings.alertmanager_burn_alerts)

    def _push(self, session: Session, row: IncidentRow, key: str, at_us: int) -> None:
        ends_us = row.resolved_us if row.resolved_us is not None else at_us + _FIRES_FOR_US
        labels = {
            "alertname": "TillwatchIncident",
            "incident": f"INC-{row.number}",
            "severity": str(row.severity),
            "service": row.service or "shop",
            ECHO_LABEL: row.id,
        }
        alert = {
            "labels": labels,
            "annotations": {"summary": row.title},
            "startsAt": rfc3339(row.opened_us),
            "endsAt": rfc3339(ends_us),
            "generatorURL": f"{self._public_url}/incidents/{row.id}",
        }
        self._enqueue(session, ALERTMANAGER, row, key, {"alerts": [alert]})

    def _data(self, row: IncidentRow) -> dict[str, Any]:
        return {
            "id": row.id,
            "incident": f"INC-{row.number}",
            "state": str(row.state),
            "severity": str(row.severity),
            "title": row.title,
            "service": row.service,
            "slos": list(row.objective_ids),
            "opened_at": rfc3339(row.opened_us),
            "resolved_at": None if row.resolved_us is None else rfc3339(row.resolved_us),
            "url": f"{self._public_url}/incidents/{row.id}",
        }

    def _enqueue(
        self, session: Session, channel: str, row: IncidentRow, key: str, body: dict[str, Any]
    ) -> None:
        enqueue(
            session,
            channel=channel,
            lane=row.id,
            idempotency_key=f"{channel}:{row.id}:{key}",
            payload=body,
            clock=self._clock,
        )


class AlertmanagerDeliverer:
    """Sends to Alertmanager's API v2."""

    def __init__(self, client: httpx2.Client, url: str) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/api/v2/alerts"

    def __call__(self, delivery: Delivery) -> None:
        """Raises RetryLater or PermanentFailure."""
        _post(self._client, self._url, _bytes(delivery.payload["alerts"]), {})


class WebhookDeliverer:
    """Sends Standard Webhooks messages. The id is the same for every try of one message."""

    def __init__(self, client: httpx2.Client, url: str, secret: SecretStr, clock: Clock) -> None:
        self._client = client
        self._url = url
        self._key = signing_key(secret)
        self._clock = clock

    def __call__(self, delivery: Delivery) -> None:
        """Raises RetryLater or PermanentFailure."""
        body = _bytes(delivery.payload)
        message_id = f"msg_{delivery.id}"
        timestamp = self._clock.now_us() // SECOND_US
        headers = {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(self._key, message_id, timestamp, body),
        }
        _post(self._client, self._url, body, headers)


def signing_key(secret: SecretStr) -> bytes:
    """Key bytes of `whsec_<base64>`. Raises NotConfigured for anything else."""
    text = secret.get_secret_value().removeprefix("whsec_")
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not 24 <= len(key) <= 64:
        raise NotConfigured(
            "TILLWATCH_SECOND_WEBHOOK_SECRET is not `whsec_` and base64 of 24 to 64 bytes",
            hint='make one: python3 -c "import secrets, base64;'
            " print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\"",
        )
    return key


def sign(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` of a message."""
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def register(outbox: Outbox, settings: TriageSettings, client: httpx2.Client, clock: Clock) -> None:
    """Register the deliverers of the channels that are set."""
    if settings.alertmanager_url:
        outbox.register(ALERTMANAGER, AlertmanagerDeliverer(client, settings.alertmanager_url))
    if settings.second_webhook_url:
        outbox.register(
            WEBHOOK,
            WebhookDeliverer(
                client, settings.second_webhook_url, settings.second_webhook_secret, clock
            ),
        )


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _post(client: httpx2.Client, url: str, body: bytes, headers: dict[str, str]) -> None:
    sent = {"content-type": "application/json", **headers}
    try:
        answer = client.post(url, content=body, headers=sent, timeout=_TIMEOUT_S)
    except httpx2.HTTPError as error:
        raise RetryLater(f"{type(error).__name__}: {error}") from error
    if answer.is_success:
        return
    reason = f"answered {answer.status_code}: {answer.text[:200]}"
    if answer.status_code == 429 or answer.status_code >= 500:
        raise RetryLater(reason)
    raise PermanentFailure(reason)
