"""GitHub's webhooks: `X-Hub-Signature-256` over the raw body.

What makes a repeat known stands in the signed body: the GUID of a delivery is not signed, and two
webhooks that tell of one deployment have two. The event's name is not signed either, so it must fit
its body.

Deployments, their outcome and published releases are changes of ours. Everything else that an
organisation's webhook sends is taken and let go, and the answer says so: an error would make
GitHub switch the webhook off in the end.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from collector.sources import github_changes
from collector.sources.keep import at, identifiers, kept, text_at
from collector.sources.port import Answer, Delivery, Ignored, Note, Stored, Told, Verified
from kernel import strict_json
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput, NotAuthenticated
from kernel.quoting import quoted
from kernel.shop_event import ShopEvent

SIGNATURE: Final = "x-hub-signature-256"
EVENT: Final = "x-github-event"
DELIVERY: Final = "x-github-delivery"
MIN_SECRET: Final = 16
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_HINT = "check the secret of this webhook in GitHub's settings"


class GitHubKind:
    """Webhooks of repositories, organisations and GitHub Apps."""

    name = "github"
    answer = Answer()

    def secret(self, text: str) -> bytes:
        """The webhook's secret, as it was typed in at GitHub."""
        if len(text) < MIN_SECRET:
            raise BadInput(
                f"a GitHub secret has at least {MIN_SECRET} characters",
                hint="make one with `openssl rand -hex 32` and type it in on both sides",
            )
        return text.encode()

    def verify(self, delivery: Delivery, keys: Sequence[bytes]) -> Verified:
        """The signature first, on the bytes as they came; nothing is parsed before it fits."""
        _check(delivery, keys)
        event, guid = delivery.headers.get(EVENT, ""), delivery.headers.get(DELIVERY, "")
        if not event or not guid:
            raise BadInput(
                f"the headers {EVENT} and {DELIVERY} name the event and the delivery", path=EVENT
            )
        if event == "ping":
            return Verified([], ignored=[Ignored(0, "pong: the secret fits, deliveries count")])
        if event not in github_changes.EVENTS:
            reason = f"the event {quoted(event)} is no change of what runs"
            return Verified([], ignored=[Ignored(0, reason)])
        payload = _payload(delivery)
        reason = github_changes.why_not(event, payload)
        if reason:
            return Verified([], ignored=[Ignored(0, reason)])
        return Verified([_note(event, guid, payload)])

    def tell(self, stored: Stored, told: Told) -> list[ShopEvent]:
        """A change is no shop event: `github_changes` tells it to those who look for causes."""
        github_changes.change_of(stored, told)
        return []


def _check(delivery: Delivery, keys: Sequence[bytes]) -> None:
    """Raises NotAuthenticated. Each key is compared, in constant time, whichever fits."""
    given = delivery.headers.get(SIGNATURE, "")
    if not _SIGNATURE.fullmatch(given):
        raise NotAuthenticated(f"the header {SIGNATURE} is missing or no signature", hint=_HINT)
    fits = [
        hmac.compare_digest(
            hmac.new(key, delivery.body, hashlib.sha256).hexdigest(), given.removeprefix("sha256=")
        )
        for key in keys
    ]
    if not any(fits):
        raise NotAuthenticated("the signature does not fit the body", hint=_HINT)


def _payload(delivery: Delivery) -> Mapping[str, Any]:
    media_type = delivery.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type == "application/x-www-form-urlencoded":
        raise BadInput(
            "the payload came as a form",
            path="Content-Type",
            hint="choose the content type application/json in the webhook's settings",
        )
    payload = strict_json.loads(delivery.body)
    if not isinstance(payload, Mapping):
        raise BadInput("a GitHub payload is an object")
    return payload


def _note(event: str, guid: str, payload: Mapping[str, Any]) -> Note:
    if event == "deployment" and "deployment_status" in payload:
        raise BadInput(f"the header {EVENT} does not fit the body", path=EVENT)
    document = kept(payload, github_changes.SHAPE) | {"event": event}
    service = github_changes.service_of(payload)
    if not service:
        raise BadInput("the payload names no repository", path="$.repository.name")
    document["service"] = service
    moment = github_changes.moment_of(document)
    try:
        at_us = parse_rfc3339(moment)
    except (ValueError, OverflowError):
        raise BadInput("the payload has no time of its own", path=f"$.{event}") from None
    ids = identifiers({"delivery_id": guid, "deployment_id": at(payload, "deployment", "id")})
    if "delivery_id" not in ids:
        raise BadInput("the delivery's GUID cannot be an identifier", path=DELIVERY)
    # Told apart from texts of people: a ref or a sha joins with what the shop reports.
    document["sha"] = text_at(payload, "deployment", "sha")
    return Note(key=_key(event, payload) or guid, at_us=at_us, ids=ids, event=document)


def _key(event: str, payload: Mapping[str, Any]) -> str:
    """What happened, by GitHub's own number; "" where the body gives none."""
    number = at(payload, event, "id")
    state = text_at(payload, event, "state") or text_at(payload, "action")
    return f"{event}\0{number}\0{state[:40]}" if isinstance(number, int) else ""
