"""FakeStripe and FakeAdyen: payments with state, and webhooks shaped and signed as the real ones.

The shapes follow docs.stripe.com/api/events and docs.adyen.com (standard webhooks), with the
personal details that the real ones carry. For tests and the demo.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.fakes.postman import Postman
from kernel.clock import SECOND_US, Clock, rfc3339

# What must never be found on our disk: it stands in every payload.
CARD_NUMBER = "4242424242424242"
EMAIL = "ada.lovelace@example.org"
HOLDER = "Ada King-Noel"
STREET = "12 St James's Square"


@dataclass
class Intent:
    """A PaymentIntent as Stripe holds it."""

    id: str
    amount: int
    currency: str
    metadata: Mapping[str, str]
    status: str = "requires_payment_method"
    charges: list[dict[str, Any]] = field(default_factory=list)
    last_error: dict[str, Any] | None = None


class FakeStripe:
    """PaymentIntents and their charges; every change of state is an event for the endpoint."""

    def __init__(self, secret: str, postman: Postman, clock: Clock) -> None:
        """`secret`: signs; rotate by setting it anew, what waits is signed with the new one."""
        self.secret = secret
        self.postman = postman
        self.intents: dict[str, Intent] = {}
        self._clock = clock
        self._numbers = itertools.count(1)

    def create(self, amount: int, currency: str, **metadata: str) -> Intent:
        """A new PaymentIntent; nothing is tried yet."""
        intent = Intent(self._id("pi"), amount, currency.lower(), metadata)
        self.intents[intent.id] = intent
        self._event("payment_intent.created", self._intent(intent))
        return intent

    def succeed(self, intent: Intent) -> None:
        """The card is charged: one attempt, two events."""
        charge = self._charge(intent, "succeeded", {"type": "authorized", "reason": None})
        intent.charges.append(charge)
        intent.status, intent.last_error = "succeeded", None
        self._event("charge.succeeded", charge)
        self._event("payment_intent.succeeded", self._intent(intent))

    def decline(self, intent: Intent, decline_code: str) -> None:
        """The bank says no: one attempt, two events."""
        outcome = {"type": "issuer_declined", "reason": decline_code}
        charge = self._charge(intent, "failed", outcome)
        charge |= {"failure_code": "card_declined", "paid": False, "captured": False}
        intent.charges.append(charge)
        self._fail(intent, {"type": "card_error", "code": "card_declined"}, decline_code)
        self._event("charge.failed", charge)
        self._event("payment_intent.payment_failed", self._intent(intent))

    def break_down(self, intent: Intent) -> None:
        """Stripe itself fails: no charge is made."""
        self._fail(intent, {"type": "api_error", "code": "lock_timeout"}, "")
        self._event("payment_intent.payment_failed", self._intent(intent))

    def refund(self, intent: Intent) -> None:
        """All of it goes back."""
        charge = {**intent.charges[-1], "refunded": True, "amount_refunded": intent.amount}
        self._event("charge.refunded", charge)

    def signature(self, body: bytes) -> dict[str, str]:
        """The header for this body, signed now."""
        now_s = self._clock.now_us() // SECOND_US
        signed = f"{now_s}.".encode() + body
        digest = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={now_s},v1={digest},v0={'0' * 64}"}

    def _id(self, prefix: str) -> str:
        return f"{prefix}_3Tw{next(self._numbers):020d}"

    @staticmethod
    def _fail(intent: Intent, error: dict[str, Any], decline_code: str) -> None:
        intent.status = "requires_payment_method"
        intent.last_error = {
            **error,
            "message": f"Your card {CARD_NUMBER} was declined.",
            "payment_method": {
                "id": "pm_1",
                "object": "payment_method",
                "type": "card",
                "billing_details": _billing(),
                "card": {"brand": "visa", "country": "US", "last4": "4242"},
            },
        }
        if decline_code:
            intent.last_error["decline_code"] = decline_code

    def _intent(self, intent: Intent) -> dict[str, Any]:
        return {
            "id": intent.id,
            "object": "payment_intent",
            "amount": intent.amount,
            "amount_received": intent.amount if intent.status == "succeeded" else 0,
            "capture_method": "automatic",
            "client_secret": f"{intent.id}_secret_x",
            "currency": intent.currency,
            "last_payment_error": intent.last_error,
            "latest_charge": intent.charges[-1]["id"] if intent.charges else None,
            "metadata": dict(intent.metadata),
            "payment_method_types": ["card"],
            "receipt_email": EMAIL,
            "shipping": {"name": HOLDER, "address": {"line1": STREET, "country": "GB"}},
            "status": intent.status,
        }

    def _charge(self, intent: Intent, status: str, outcome: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self._id("ch"),
            "object": "charge",
            "amount": intent.amount,
            "amount_refunded": 0,
            "billing_details": _billing(),
            "captured": True,
            "currency": intent.currency,
            "metadata": dict(intent.metadata),
            "outcome": {"network_status": "approved_by_network", **outcome},
            "paid": True,
            "payment_intent": intent.id,
            "payment_method_details": {
                "type": "card",
                "card": {"brand": "visa", "country": "US", "last4": "4242", "exp_year": 2030},
            },
            "receipt_email": EMAIL,
            "status": status,
        }

    def _event(self, name: str, thing: Mapping[str, Any]) -> None:
        event = {
            "id": self._id("evt"),
            "object": "event",
            "api_version": "2026-09-30.clover",
            "created": self._clock.now_us() // SECOND_US,
            "data": {"object": thing},
            "livemode": True,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": name,
        }
        self.postman.post(json.dumps(event, indent=2).encode(), self.signature)


class FakeAdyen:
    """Payments by merchant reference; `flush` sends what happened as one notification."""

    def __init__(self, key_hex: str, postman: Postman, clock: Clock) -> None:
        self.key_hex = key_hex
        self.postman = postman
        self.authorised: dict[str, str] = {}
        self._clock = clock
        self._numbers = itertools.count(1)
        self._items: list[dict[str, Any]] = []

    def authorise(self, reference: str, value: int, currency: str, refusal: str = "") -> None:
        """A payment is authorised, or refused for this reason."""
        psp = f"TW{next(self._numbers):014d}"
        reason = refusal or f"087330:{CARD_NUMBER[-4:]}:03/2030"
        if not refusal:
            self.authorised[reference] = psp
        item = self._item("AUTHORISATION", psp, reference, value, currency)
        self._items.append(item | {"success": str(not refusal).lower(), "reason": reason})

    def chargeback(self, reference: str, value: int, currency: str) -> None:
        """The customer's bank takes an authorised payment back."""
        psp = f"TW{next(self._numbers):014d}"
        item = self._item("CHARGEBACK", psp, reference, value, currency)
        self._items.append(item | {"originalReference": self.authorised[reference]})

    def forge(self) -> None:
        """An item whose signature fits nothing travels with the others."""
        item = self._item("AUTHORISATION", "TWFORGED00000000", "forged", 1, "EUR")
        item["additionalData"]["hmacSignature"] = base64.b64encode(b"\0" * 32).decode()
        self._items.append(item)

    def flush(self) -> None:
        """Sign each item and post them together."""
        items = [{"NotificationRequestItem": self._signed(item)} for item in self._items]
        self._items = []
        body = {"live": "true", "notificationItems": items}
        self.postman.post(json.dumps(body).encode(), lambda _body: {})

    def _item(
        self, code: str, psp: str, reference: str, value: int, currency: str
    ) -> dict[str, Any]:
        return {
            "additionalData": {
                "cardHolderName": HOLDER,
                "cardSummary": CARD_NUMBER[-4:],
                "expiryDate": "03/2030",
                "shopperEmail": EMAIL,
                "shopperIP": "203.0.113.9",
                "billingAddress.street": STREET,
            },
            "amount": {"currency": currency, "value": value},
            "eventCode": code,
            "eventDate": rfc3339(self._clock.now_us())[:19] + "+00:00",
            "merchantAccountCode": "TillwatchShop",
            "merchantReference": reference,
            "operations": ["CANCEL", "CAPTURE", "REFUND"],
            "paymentMethod": "visa",
            "pspReference": psp,
            "reason": "",
            "success": "true",
        }

    def _signed(self, item: dict[str, Any]) -> dict[str, Any]:
        amount, details = item["amount"], item["additionalData"]
        parts = [item["pspReference"], item.get("originalReference", "")]
        parts += [item["merchantAccountCode"], item["merchantReference"], str(amount["value"])]
        parts += [amount["currency"], item["eventCode"], item["success"]]
        key = bytes.fromhex(self.key_hex)
        digest = hmac.new(key, ":".join(parts).encode(), hashlib.sha256).digest()
        details.setdefault("hmacSignature", base64.b64encode(digest).decode())
        return item


def _billing() -> dict[str, Any]:
    address = {"city": "London", "country": "GB", "line1": STREET, "postal_code": "SW1Y 4JH"}
    return {"address": address, "email": EMAIL, "name": HOLDER, "phone": "+442079460958"}
