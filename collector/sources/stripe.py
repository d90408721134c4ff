"""Stripe's webhooks, by Stripe's own SDK: the one module that imports it, and only when it is used.

What the SDK's check leaves open is closed here: it takes timestamps of any future time, and its
parsing of the header lets `1_000`, other scripts' digits and non-ASCII signatures through to places
that raise. So the header is read strictly first, and the SDK sees only a well-formed one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from collector.sources import stripe_events
from collector.sources.keep import identifiers, kept, text_at
from collector.sources.port import TOLERANCE_S, Answer, Delivery, Note, Stored, Told, Verified
from collector.sources.stripe_events import SHAPE
from kernel import strict_json
from kernel.clock import SECOND_US
from kernel.errors import BadInput, NotAuthenticated
from kernel.shop_event import ShopEvent

HEADER = "stripe-signature"
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_SECRET = re.compile(r"whsec_[!-~]{8,200}")
_MAX_SIGNATURES = 16
_HINT = "check the endpoint's signing secret and this machine's clock"


class StripeKind:
    """Snapshot events (`object: event`) of an event destination or a classic endpoint."""

    name = "stripe"
    answer = Answer()

    def secret(self, text: str) -> bytes:
        """The signing secret as it is: Stripe's key is the whole text."""
        if not _SECRET.fullmatch(text):
            raise BadInput(
                "a Stripe signing secret begins with whsec_", hint="see the endpoint's page"
            )
        return text.encode()

    def verify(self, delivery: Delivery, keys: Sequence[bytes]) -> Verified:
        """One event a body. Raises NotAuthenticated, or BadInput (a thin v2 event among others)."""
        _check_signature(delivery, keys)
        return Verified([_note(strict_json.loads(delivery.body))])

    def tell(self, stored: Stored, told: Told) -> list[ShopEvent]:
        """See `stripe_events`."""
        return stripe_events.tell(stored, told)


def _check_signature(delivery: Delivery, keys: Sequence[bytes]) -> None:
    timestamp, signatures = _parse(delivery.headers.get(HEADER, ""))
    from stripe import SignatureVerificationError, WebhookSignature

    header = ",".join([f"t={timestamp}", *(f"v1={one}" for one in signatures)])
    for key in keys:
        try:
            WebhookSignature.verify_header(delivery.body, header, key.decode(), tolerance=None)
        except (SignatureVerificationError, UnicodeDecodeError):
            continue
        break
    else:
        raise NotAuthenticated("no signature of the header fits the body", hint=_HINT)
    off_s = delivery.now_s - timestamp
    if abs(off_s) > TOLERANCE_S:
        where = "old" if off_s > 0 else "ahead"
        raise NotAuthenticated(
            f"it was signed {abs(off_s)} s {where}, {TOLERANCE_S} s are allowed", hint=_HINT
        )


def _parse(header: str) -> tuple[int, list[str]]:
    """Timestamp and `v1` signatures of `t=...,v1=...[,v1=...]`; other schemes are passed over."""
    if not header:
        raise NotAuthenticated(f"the header {HEADER} is missing", hint="only Stripe calls here")
    timestamps: list[str] = []
    signatures: list[str] = []
    for part in header.split(",", 2 * _MAX_SIGNATURES):
        scheme, _, value = part.partition("=")
        if scheme == "t":
            timestamps.append(value)
        elif scheme == "v1" and _SIGNATURE.fullmatch(value):
            signatures.append(value)
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]):
        raise NotAuthenticated("the signature header has no timestamp", hint=_HINT)
    if not signatures or len(signatures) > _MAX_SIGNATURES:
        raise NotAuthenticated("the signature header has no v1 signature", hint=_HINT)
    return int(timestamps[0]), signatures


def _note(event: Any) -> Note:
    kind = event.get("object") if isinstance(event, dict) else None
    if kind == "v2.core.event":
        raise BadInput(
            "a thin event (v2.core.event) names what changed but does not say how",
            path="$.object",
            hint="choose snapshot payloads in this event destination's settings at Stripe",
        )
    if kind != "event":
        raise BadInput("a Stripe event is an object with object = event", path="$.object")
    named = identifiers({"event_id": event.get("id")})
    created = event.get("created")
    if "event_id" not in named:
        raise BadInput("a Stripe event has an id", path="$.id")
    if not text_at(event, "type"):
        raise BadInput("a Stripe event has a type", path="$.type")
    if isinstance(created, bool) or not isinstance(created, int) or not 0 < created < 1 << 36:
        raise BadInput("created is a time in seconds", path="$.created")
    return Note(
        key=named["event_id"],
        at_us=created * SECOND_US,
        ids=named | stripe_events.ids_of(event),
        event=kept(event, SHAPE),
    )
