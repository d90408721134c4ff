"""The kinds of webhook, by the word in their address, and reading back what they stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from collector.sources.adyen import AdyenKind
from collector.sources.github import GitHubKind
from collector.sources.port import Stored, Told, WebhookKind, format_of
from collector.sources.shopify import ShopifyKind
from collector.sources.standard import StandardKind
from collector.sources.statuspage import StatuspageKind
from collector.sources.stripe import StripeKind
from kernel import strict_json
from kernel.errors import BadInput
from kernel.journal import JournalRecord
from kernel.shop_event import ShopEvent

KINDS: Final[Mapping[str, WebhookKind]] = {
    kind.name: kind
    for kind in (
        AdyenKind(),
        GitHubKind(),
        ShopifyKind(),
        StandardKind(),
        StatuspageKind(),
        StripeKind(),
    )
}
BY_FORMAT: Final[Mapping[str, WebhookKind]] = {
    format_of(name): kind for name, kind in KINDS.items()
}


def told(record: JournalRecord) -> list[ShopEvent]:
    """The shop events of a webhook record, in order.

    One document that cannot be read takes none of its neighbours with it. Raises BadInput, with
    the first fault, where nothing of the record can be read.
    """
    kind = BY_FORMAT[record.format]
    context = Told(record.source, record.received_us)
    events: list[ShopEvent] = []
    faults: list[BadInput] = []
    for document in documents_of(record):
        try:
            events += kind.tell(stored_of(document), context)
        except BadInput as fault:
            faults.append(fault)
    if faults and not events:
        raise faults[0]
    return events


def documents_of(record: JournalRecord) -> list[Any]:
    """What a webhook record holds, item by item. Raises BadInput."""
    documents = strict_json.loads(record.body)
    return documents if isinstance(documents, list) else [documents]


def stored_of(document: Any) -> Stored:
    """One of them, read back. Raises BadInput."""
    ids = document.get("ids") if isinstance(document, dict) else None
    event = document.get("event") if isinstance(document, dict) else None
    if not isinstance(ids, dict) or not isinstance(event, dict):
        raise BadInput("a stored notification has ids and event")
    return Stored({name: str(value) for name, value in ids.items()}, event)
