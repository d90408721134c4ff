"""What Adyen's notifications mean for the shop. Pure.

AUTHORISATION tells the outcome: it is what the customer is told, and with automatic capture
nothing follows. So an authorised payment has succeeded, CAPTURE confirms it, and CAPTURE_FAILED is
told as a failure of a payment that has its outcome already: it shows, and the first outcome counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collector.sources.amounts import from_integer
from collector.sources.declines import ADYEN_BY_NUMBER, TECHNICAL, adyen_class
from collector.sources.keep import Shape, at, identifiers, text_at
from collector.sources.outcome import Outcome, shop_event
from collector.sources.port import Stored, Told
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.shop_event import ShopEvent

PROVIDER: Final = "adyen"
# docs.adyen.com/development-resources/currency-codes, "differs from standard".
EXPONENTS: Final = {"CLP": 2, "CVE": 0, "IDR": 0, "ISK": 2}
SHAPE: Final[Shape] = {
    "eventCode": True,
    "success": True,
    "eventDate": True,
    "reason": True,
    "paymentMethod": True,
    "merchantAccountCode": True,
    "amount": {"value": True, "currency": True},
    "additionalData": {
        "refusalReasonRaw": True,
        "refusalReasonCode": True,
        "liabilityShift": True,
        "issuerCountry": True,
    },
}
# Adyen's names of cards; every other method keeps its name.
_CARDS: Final = frozenset(
    (
        *("visa", "visadankort", "visadebit", "mc", "mcdebit", "amex", "maestro", "maestrouk"),
        *("discover", "diners", "jcb", "cup", "bcmc", "cartebancaire", "dankort", "elo"),
        *("hipercard", "troy", "electron", "vpay", "eftpos_australia"),
    )
)
_SUCCEEDED, _FAILED = "payment.succeeded", "payment.failed"
_REFUNDED, _DISPUTED = "payment.refunded", "payment.disputed"
# By event code: the type where it went well, and where it did not ("": told, but uncounted).
_TYPES: Final[Mapping[str, tuple[str, str]]] = {
    "AUTHORISATION": (_SUCCEEDED, _FAILED),
    "CAPTURE": ("", _FAILED),
    "CAPTURE_FAILED": (_FAILED, _FAILED),
    "CANCELLATION": (_REFUNDED, ""),
    "TECHNICAL_CANCEL": (_REFUNDED, ""),
    "CANCEL_OR_REFUND": (_REFUNDED, ""),
    "REFUND": (_REFUNDED, ""),
    "REFUND_FAILED": ("", ""),
    "REFUNDED_REVERSED": ("", ""),
    "REFUND_WITH_DATA": (_REFUNDED, ""),
    "VOID_PENDING_REFUND": ("", ""),
    "EXPIRE": ("", ""),
    "OFFER_CLOSED": ("", ""),
    "PENDING": ("payment.attempted", ""),
    "HANDLED_EXTERNALLY": ("", ""),
    "MANUAL_REVIEW_ACCEPT": ("", ""),
    "MANUAL_REVIEW_REJECT": ("", ""),
    "NOTIFICATION_OF_FRAUD": ("", ""),
    "REQUEST_FOR_INFORMATION": ("", ""),
    "NOTIFICATION_OF_CHARGEBACK": (_DISPUTED, ""),
    "CHARGEBACK": (_DISPUTED, ""),
    "CHARGEBACK_REVERSED": ("", ""),
    "SECOND_CHARGEBACK": (_DISPUTED, ""),
    "PREARBITRATION_LOST": ("", ""),
    "PREARBITRATION_WON": ("", ""),
}
TOLD: Final = frozenset(_TYPES)


def ids_of(item: Mapping[str, Any]) -> dict[str, str]:
    """The signed references: the shop's is its payment's id, one for each attempt."""
    return identifiers(
        {
            "payment_id": item.get("merchantReference"),
            "psp_reference_id": item.get("pspReference"),
            "original_reference_id": item.get("originalReference"),
        }
    )


def tell(stored: Stored, told: Told) -> list[ShopEvent]:
    """At most one event. Raises BadInput where the stored document is not ours."""
    code, success = text_at(stored.event, "eventCode"), text_at(stored.event, "success")
    psp = stored.ids.get("psp_reference_id", "")
    if not code or not psp or success not in {"true", "false"}:
        raise BadInput("the stored Adyen notification lacks its code, reference or success")
    if code not in _TYPES:
        return []
    good, bad = _TYPES[code]
    event_type = good if success == "true" else bad
    amount = at(stored.event, "amount")
    method = text_at(stored.event, "paymentMethod")
    is_card = method in _CARDS
    fields = (
        {"method": "card" if is_card else method} if event_type in {_SUCCEEDED, _FAILED} else {}
    )
    if event_type == _FAILED:
        fields |= _failure(code, stored.event)
    outcome = Outcome(
        id=f"{psp}:{code}:{success}",
        type=event_type or f"com.adyen.{code.lower()}.{success}",
        at_us=_time(stored.event),
        provider=PROVIDER,
        money=from_integer(at(amount, "value"), at(amount, "currency"), EXPONENTS),
        fields=fields,
        attributes={
            "provider_event": code,
            "provider_id": stored.ids.get("original_reference_id", psp),
            "card_brand": method if is_card else "",
            "card_country": text_at(stored.event, "additionalData", "issuerCountry"),
        },
    )
    return [shop_event(outcome, stored, told)]


def _failure(code: str, event: Mapping[str, Any]) -> dict[str, str]:
    """A refused authorisation has a reason; a capture that failed is never the customer's doing."""
    reason = text_at(event, "reason") or text_at(event, "additionalData", "refusalReasonCode")
    if code != "AUTHORISATION":
        return {
            "decline_class": TECHNICAL,
            "decline_code": reason,
            "error_type": code.lower(),
            "step": "capture",
        }
    return {
        "decline_class": adyen_class(reason),
        "decline_code": ADYEN_BY_NUMBER.get(reason, reason),
        "error_type": "refused",
    }


def _time(event: Mapping[str, Any]) -> int:
    try:
        return parse_rfc3339(text_at(event, "eventDate"))
    except (ValueError, OverflowError) as error:
        raise BadInput(f"the stored Adyen notification has no time: {error}") from None
