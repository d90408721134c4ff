"""Standard Webhooks (standardwebhooks.com): whoever signs that way sends our events or CloudEvents.

The check is our own: the PyPI library raises on odd headers, takes timestamps like `1e9`, and
compares decoded signatures. It is the signer in our tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from collector.events.item import Context, shop_event
from collector.sources.hmac_text import base64_key, fits
from collector.sources.keep import at
from collector.sources.outcome import mark_unmatched
from collector.sources.port import TOLERANCE_S, Answer, Delivery, Note, Stored, Told, Verified
from kernel import strict_json
from kernel.clock import SECOND_US, rfc3339
from kernel.errors import BadInput, NotAuthenticated
from kernel.shop_event import Origin, ShopEvent

ID = "webhook-id"
TIMESTAMP = "webhook-timestamp"
SIGNATURE = "webhook-signature"
_ID = re.compile(r"[!-~]{1,200}")
_TIMESTAMP = re.compile(r"[1-9][0-9]{0,11}")
_PREFIX = "whsec_"
_MAX_SIGNATURES = 16
_MIN_KEY = 16
_HINT = "check the secret and this machine's clock"


class StandardKind:
    """Symmetric signatures, `v1,<base64>`; several, separated by spaces, while a key is rotated."""

    name = "standard"
    answer = Answer()

    def secret(self, text: str) -> bytes:
        """The key of `whsec_<base64>`."""
        if not text.startswith(_PREFIX):
            raise BadInput(
                "a Standard Webhooks secret begins with whsec_",
                hint="public keys (whpk_) are not read here: ask for a symmetric secret",
            )
        key = base64_key(text.removeprefix(_PREFIX), "what follows whsec_")
        if len(key) < _MIN_KEY:
            raise BadInput(f"the secret has fewer than {_MIN_KEY} bytes")
        return key

    def verify(self, delivery: Delivery, keys: Sequence[bytes]) -> Verified:
        """One event a body."""
        webhook_id, signed_s = _check_signature(delivery, keys)
        return Verified([_note(delivery, webhook_id, signed_s)])

    def tell(self, stored: Stored, told: Told) -> list[ShopEvent]:
        """The event as its sender wrote it, under the source that was verified.

        The provider's word, unless it says itself that a backend or a browser speaks.
        """
        event = shop_event(stored.event, Context(told.received_us, told.source, strict=False))
        data = at(stored.event, "data") or stored.event
        origin = event.origin if at(data, "origin") else Origin.PROVIDER
        event = msgspec.structs.replace(event, source=told.source, origin=origin)
        return [mark_unmatched(event)]


def _check_signature(delivery: Delivery, keys: Sequence[bytes]) -> tuple[str, int]:
    webhook_id, timestamp, given = (
        delivery.headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE)
    )
    if not _ID.fullmatch(webhook_id):
        raise NotAuthenticated(f"the header {ID} is missing or odd")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise NotAuthenticated(f"the header {TIMESTAMP} is missing or odd")
    signed = f"{webhook_id}.{timestamp}.".encode() + delivery.body
    candidates = given.split(" ", _MAX_SIGNATURES)[:_MAX_SIGNATURES]
    texts = [one.removeprefix("v1,") for one in candidates if one.startswith("v1,")]
    if not texts:
        raise NotAuthenticated(f"the header {SIGNATURE} has no v1 signature")
    if not any(fits(text, keys, signed) for text in texts):
        raise NotAuthenticated("no signature fits id, timestamp and body", hint=_HINT)
    off_s = delivery.now_s - int(timestamp)
    if abs(off_s) > TOLERANCE_S:
        where = "old" if off_s > 0 else "ahead"
        raise NotAuthenticated(
            f"it was signed {abs(off_s)} s {where}, {TOLERANCE_S} s are allowed", hint=_HINT
        )
    return webhook_id, int(timestamp)


def _note(delivery: Delivery, webhook_id: str, signed_s: int) -> Note:
    document = strict_json.loads(delivery.body)
    if not isinstance(document, Mapping):
        raise BadInput("an event is a JSON object")
    event: dict[str, Any] = {**document}
    # The form that standardwebhooks.com proposes calls the time `timestamp`.
    event["time"] = event.pop("timestamp", None) if "time" not in event else event["time"]
    event["time"] = event["time"] or rfc3339(signed_s * SECOND_US)
    event["id"] = event.get("id") or webhook_id
    is_cloud_event = "specversion" in event
    checked = shop_event(event, Context(delivery.now_us, "sender", strict=is_cloud_event))
    return Note(webhook_id, checked.time_us, {"webhook_id": webhook_id}, event)
