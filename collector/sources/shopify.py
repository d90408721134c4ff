"""Shopify's webhooks: the raw body is signed, the headers are not.

So nothing is believed that only a header says. The topic must fit what the signed body shows, and
the ids of what is told come from the body: a body that is sent again under another webhook id is
the same event. The webhook id is the journal's key, as Shopify declares it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from collector.sources import shopify_events
from collector.sources.hmac_text import fits
from collector.sources.keep import kept
from collector.sources.port import Answer, Delivery, Note, Stored, Told, Verified
from collector.sources.shopify_events import TOPICS
from kernel import strict_json
from kernel.errors import BadInput, NotAuthenticated
from kernel.quoting import quoted
from kernel.shop_event import ShopEvent

SIGNATURE = "x-shopify-hmac-sha256"
TOPIC = "x-shopify-topic"
WEBHOOK_ID = "x-shopify-webhook-id"
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_SECRET = re.compile(r"[!-~]{16,200}")


class ShopifyKind:
    """REST-shaped webhooks of one app or shop."""

    name = "shopify"
    answer = Answer(200)

    def secret(self, text: str) -> bytes:
        """The app's client secret (or the shop's webhook secret), as it is."""
        if not _SECRET.fullmatch(text):
            raise BadInput(
                "a Shopify secret is 16-200 visible characters", hint="the app's client secret"
            )
        return text.encode()

    def verify(self, delivery: Delivery, keys: Sequence[bytes]) -> Verified:
        """One topic's document a body."""
        given = delivery.headers.get(SIGNATURE, "")
        if not given:
            raise NotAuthenticated(f"the header {SIGNATURE} is missing")
        if not fits(given, keys, delivery.body):
            raise NotAuthenticated(
                "the signature does not fit the body",
                hint="check the client secret; while it is rotated configure both",
            )
        return Verified([_note(delivery)])

    def tell(self, stored: Stored, told: Told) -> list[ShopEvent]:
        """See `shopify_events`."""
        return shopify_events.tell(stored, told)


def _note(delivery: Delivery) -> Note:
    topic = delivery.headers.get(TOPIC, "")
    webhook_id = delivery.headers.get(WEBHOOK_ID, "")
    if not _ID.fullmatch(webhook_id):
        raise BadInput("the webhook's id is missing", path=WEBHOOK_ID)
    document = strict_json.loads(delivery.body)
    if not isinstance(document, Mapping):
        raise BadInput("expected a JSON object")
    reader = TOPICS.get(topic)
    if reader is None:
        raise BadInput(
            f"the topic {quoted(topic)} is not read here",
            path=TOPIC,
            hint=f"subscribe to {', '.join(sorted(TOPICS))}",
        )
    if not reader.fits(document):
        raise BadInput(
            f"the signed body is none of the topic {topic}",
            path=TOPIC,
            hint="the topic's header is not signed, so the body decides",
        )
    event: dict[str, Any] = kept(document, reader.shape) | {"topic": topic}
    ids = shopify_events.ids_of(document)
    if "shopify_id" not in ids:
        raise BadInput("the document has no id", path="$.id")
    return Note(webhook_id, reader.at_us(document), ids, event)
