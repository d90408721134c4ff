"""Statuspage's webhooks: unsigned, so a hint that something changed, and never what changed.

The address carries a secret (`?token=...`), because there is nothing else to know the sender by. A
hint makes the engine read the vendor's public page, at the address of our own settings; only what
stands there counts. Nothing of the hint is believed, so hardly anything of it is kept.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final

from collector.sources.keep import at, identifiers, text_at
from collector.sources.port import Answer, Delivery, Note, Stored, Told, Verified
from kernel import strict_json
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput, NotAuthenticated
from kernel.shop_event import ShopEvent

MIN_SECRET: Final = 24


class StatuspageKind:
    """Component updates and incidents, told apart by their top-level key."""

    name = "statuspage"
    answer = Answer()

    def secret(self, text: str) -> bytes:
        """The token of the address."""
        if len(text) < MIN_SECRET:
            raise BadInput(
                f"a token has at least {MIN_SECRET} characters: the address has no other guard",
                hint="make one with `openssl rand -hex 24`",
            )
        return text.encode()

    def verify(self, delivery: Delivery, keys: Sequence[bytes]) -> Verified:
        """The token first, each key in constant time."""
        given = delivery.token.encode("utf-8", "surrogatepass")
        fits = [hmac.compare_digest(key, given) for key in keys]
        if not any(fits):
            raise NotAuthenticated(
                "the address has no token that fits",
                hint="subscribe /webhooks/statuspage/<source>?token=<the source's secret>",
            )
        payload = strict_json.loads(delivery.body)
        if not isinstance(payload, Mapping):
            raise BadInput("a Statuspage payload is an object")
        note = _incident if "incident" in payload else _component
        return Verified([note(payload, delivery.now_us)])

    def tell(self, stored: Stored, told: Told) -> list[ShopEvent]:  # noqa: ARG002
        """Nothing: a hint is no evidence."""
        if stored.event.get("hint") not in {"incident", "component"}:
            raise BadInput("the stored Statuspage hint does not say what it is of")
        return []


def _incident(payload: Mapping[str, Any], now_us: int) -> Note:
    """Known by its id and the time of its update."""
    incident = payload["incident"]
    updated = text_at(incident, "updated_at") or text_at(incident, "created_at")
    return _note(payload, ("incident", at(incident, "id")), updated, now_us)


def _component(payload: Mapping[str, Any], now_us: int) -> Note:
    """Known by the component's id and the time of the update."""
    update = payload.get("component_update")
    component = at(update, "component_id") or at(payload, "component", "id")
    return _note(payload, ("component", component), text_at(update, "created_at"), now_us)


def _note(payload: Mapping[str, Any], thing: tuple[str, Any], moment: str, now_us: int) -> Note:
    """Its time is that of its receipt: the page may be news, however old the incident on it is."""
    what, thing_id = thing
    ids = identifiers({f"{what}_id": thing_id, "page_id": at(payload, "page", "id")})
    try:
        at_us = parse_rfc3339(moment)
    except (ValueError, OverflowError):
        at_us = -1
    if f"{what}_id" not in ids or at_us < 0:
        raise BadInput(
            "a Statuspage payload has an incident or a component_update, with its id and time",
            path="$.incident.id" if what == "incident" else "$.component_update.component_id",
        )
    return Note(f"{what}\0{ids[f'{what}_id']}\0{at_us}", now_us, ids, {"hint": what})
