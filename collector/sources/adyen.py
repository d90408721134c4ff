"""Adyen's standard webhooks (every item is signed by itself) and its platform form (one header).

What the official library leaves open is closed here: its check looks at item [0] alone and says
nothing where `additionalData` is missing, so that one good item would let in any number of others.

The signature of an item covers eight fields only. Identity, amount and outcome are among them;
`reason`, `eventDate` and `paymentMethod` are not, so nothing that joins or pays comes from those.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from collector.sources import adyen_events
from collector.sources.hmac_text import fits
from collector.sources.keep import at, kept, text_at
from collector.sources.port import Answer, Delivery, Note, Refused, Stored, Told, Verified
from kernel import strict_json
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput, NotAuthenticated
from kernel.shop_event import ShopEvent

HEADER = "hmacsignature"
MAX_ITEMS = 100
_KEY = re.compile(r"[0-9A-Fa-f]{64}")
_HINT = "check the HMAC key of this webhook in the Customer Area"
_ITEM = "NotificationRequestItem"
# The place of merchantReference among the signed fields.
_REFERENCE = 3


class AdyenKind:
    """Standard notifications, `{"notificationItems": [...]}`."""

    name = "adyen"
    # The older webhooks wait for this very text; the newer ones for any 2xx.
    answer = Answer(200, "[accepted]")

    def secret(self, text: str) -> bytes:
        """The HMAC key: 64 hex digits."""
        if not _KEY.fullmatch(text):
            raise BadInput("an Adyen HMAC key is 64 hex digits", hint=_HINT)
        return bytes.fromhex(text)

    def verify(self, delivery: Delivery, keys: Sequence[bytes]) -> Verified:
        """Each item by its own signature, or all of them by the header's.

        Raises NotAuthenticated where not one item is Adyen's. Parsing comes first here, as the
        signatures stand inside: by the strict parser, and nothing parsed is believed before its
        signature fits.
        """
        whole = _fits_header(delivery, keys)
        items = _items(delivery.body, is_signed=whole)
        notes: list[Note] = []
        refused: list[Refused] = []
        forged = 0
        for index, item in enumerate(items):
            data = msgspec.json.encode(item)
            try:
                if not whole:
                    _check_item(item, keys)
                notes.append(_note(item, index))
            except NotAuthenticated as fault:
                forged += 1
                refused.append(Refused(index, "$.additionalData", fault.message, data))
            except BadInput as fault:
                refused.append(Refused(index, fault.path, fault.message, data))
        if forged == len(items):
            raise NotAuthenticated(refused[0].reason, hint=_HINT)
        return Verified(notes, refused)

    def tell(self, stored: Stored, told: Told) -> list[ShopEvent]:
        """See `adyen_events`."""
        return adyen_events.tell(stored, told)


def signed_text(item: Mapping[str, Any]) -> bytes:
    """What an item's signature covers: eight fields, joined by colons as they are.

    Raises NotAuthenticated for a colon in any field but the shop's reference: with it the same
    text could be cut into other fields, and the signature would fit them too.
    """
    amount = item.get("amount")
    parts = [
        item.get("pspReference"),
        item.get("originalReference"),
        item.get("merchantAccountCode"),
        item.get("merchantReference"),
        at(amount, "value"),
        at(amount, "currency"),
        item.get("eventCode"),
        item.get("success"),
    ]
    texts = [_plain(part) for part in parts]
    if any(":" in text for index, text in enumerate(texts) if index != _REFERENCE):
        raise NotAuthenticated("a signed field other than merchantReference holds a colon")
    return ":".join(texts).encode()


def _plain(part: Any) -> str:
    if part is None:
        return ""
    return str(part).lower() if isinstance(part, bool) else str(part)


def _fits_header(delivery: Delivery, keys: Sequence[bytes]) -> bool:
    """True for the header form. A header that is there and does not fit is never passed over."""
    given = delivery.headers.get(HEADER)
    if given is None:
        return False
    if not fits(given, keys, delivery.body):
        raise NotAuthenticated("the HmacSignature header does not fit the body", hint=_HINT)
    return True


def _items(body: bytes, *, is_signed: bool) -> list[Any]:
    """The items. As long as nothing is signed, a body that holds none is a stranger's."""
    try:
        items = _listed(strict_json.loads(body))
    except BadInput as fault:
        if is_signed:
            raise
        raise NotAuthenticated(f"no signature: {fault.message}", hint=fault.hint) from None
    return [at(item, _ITEM) for item in items]


def _listed(document: Any) -> list[Any]:
    items = at(document, "notificationItems")
    if not isinstance(items, list) or not items:
        raise BadInput(
            "the body holds no notificationItems",
            path="$.notificationItems",
            hint="this address is for standard webhooks, not for those of the platform",
        )
    if len(items) > MAX_ITEMS:
        raise BadInput(f"more than {MAX_ITEMS} items", path="$.notificationItems")
    return items


def _check_item(item: Any, keys: Sequence[bytes]) -> None:
    if not isinstance(item, Mapping):
        raise NotAuthenticated(f"the item has no {_ITEM}, so no signature")
    given = text_at(item, "additionalData", "hmacSignature")
    if not given:
        raise NotAuthenticated("the item has no additionalData.hmacSignature")
    if not fits(given, keys, signed_text(item)):
        raise NotAuthenticated("the item's hmacSignature does not fit its fields")


def _note(item: Any, index: int) -> Note:
    if not isinstance(item, Mapping):
        raise BadInput(f"the item has no {_ITEM}")
    ids = adyen_events.ids_of(item)
    code, success = text_at(item, "eventCode"), _plain(item.get("success"))
    if "psp_reference_id" not in ids or not code or success not in {"true", "false"}:
        raise BadInput("an item has pspReference, eventCode and success (true or false)")
    try:
        at_us = parse_rfc3339(text_at(item, "eventDate"))
    except (ValueError, OverflowError):
        raise BadInput("eventDate is an RFC 3339 time", path="$.eventDate") from None
    key = f"{ids['psp_reference_id']}\0{code}\0{success}"
    event = kept(item, adyen_events.SHAPE) | {"success": success}
    if (code, success) == ("AUTHORISATION", "true"):
        # Of a payment that went well this is its authorization code and parts of the card.
        event.pop("reason", None)
    return Note(key, at_us, ids, event, index)
