"""Every way in, filled with what a `Deal` deals; each yields the requests to send.

`INPUTS` is by name; a new way in gets a line there.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from collector.otlp.signals import SIGNALS, Signal
from kernel.clock import SECOND_US, rfc3339
from tests.collector.sources import signing
from tests.collector.sources.signing import Signed
from tests.faults.fields import Filler, as_json
from tests.faults.inputs import (
    JSON,
    PROTOBUF,
    SLACK_SECRET,
    Message,
    alert_post,
    click,
    post_json,
    slack_message,
)
from tests.faults.planting import Canary, Deal, flat_members, members, planted
from tests.journeys.shop import now_us, payment

GITHUB_SECRET = "github-" + "0123456789abcdef"
STATUS_TOKEN = "statuspage-" + "0123456789abcdef"
SECRETS = json.dumps(
    {**json.loads(signing.SECRETS), "github/org": [GITHUB_SECRET], "statuspage/psp": [STATUS_TOKEN]}
)
ENVIRONMENT = {"TILLWATCH_WEBHOOK_SECRETS": SECRETS, "SLACK_SIGNING_SECRET": SLACK_SECRET}
NDJSON, CLOUD_EVENT = "application/x-ndjson", "application/cloudevents+json"
FLAGD = "application/vnd.flagd+json"
_GROUPS = 5
_BATCH = 50
_LINE = 3_000

Dealer = Deal | Canary
Maker = Callable[[Dealer], Iterator[Message]]


def export(signal: Signal, deal: Dealer, *, valid: bool = True) -> Any:
    """An export of several groups, each field of which is planted in each."""
    filler = Filler(signal, valid=valid)
    groups = 0
    while not deal.done or groups < (_GROUPS if isinstance(deal, Deal) else 1):
        filler.add(deal)
        groups += 1
    return filler.message


def _otlp(signal: Signal, *, json_form: bool, valid: bool) -> Maker:
    def make(deal: Dealer) -> Iterator[Message]:
        message = export(signal, deal, valid=valid)
        body = as_json(message) if json_form else message.SerializeToString()
        headers = {"Content-Type": JSON if json_form else PROTOBUF}
        if json_form:
            # Keys that OTLP does not know.
            body = json.dumps({**json.loads(body), **members(deal)}).encode()
        yield Message(signal.path, body, headers, otlp=True)
        headers = {**headers, "Content-Encoding": "gzip"}
        yield Message(signal.path, gzip.compress(body[: len(body) // 2]), headers, otlp=True)
        yield Message(signal.path, deal.text().encode() + body[:2_000], headers, otlp=True)

    return make


def _event(number: int) -> dict[str, Any]:
    """One with everything that an event may have, of ours and of CloudEvents."""
    more = {
        "order_id": "o-1",
        "session_id": "s-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "cart_id": "c-1",
        "decline_class": "issuer",
        "decline_code": "insufficient_funds",
        "error_type": "provider_timeout",
        "origin": "backend",
    }
    found = payment(f"planted-{number}-{now_us()}", **more)
    found |= {"subject": "a subject", "comexampleother": "more", "dataschema": "urn:shop:payment"}
    found |= {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    found["data"]["attributes"] = {}
    return found


def _plain_events(deal: Dealer) -> Iterator[Message]:
    documents = list(planted(_event, deal, ("data", "attributes")))
    for at in range(0, len(documents), _BATCH):
        yield post_json("/api/events", documents[at : at + _BATCH])


def _flat_events(deal: Dealer) -> Iterator[Message]:
    """Beside the envelope, and NDJSON; of each batch a line is broken."""
    for number, document in enumerate(planted(lambda n: _event(n) | {"data": {}}, deal, ())):
        text = json.dumps(document)
        broken = text[: len(text) // 2], text[:-1] + f',"type":"{deal.text()}"}}'
        body = "\n".join([text, *broken, json.dumps(deal.text()), deal.text()])
        headers = {"Content-Type": NDJSON}
        if number % 2:
            yield Message("/api/events", body.encode(), headers)
        else:
            packed = gzip.compress(body.encode())
            yield Message("/api/events", packed, {**headers, "Content-Encoding": "gzip"})


def _cloud_events(deal: Dealer) -> Iterator[Message]:
    for document in planted(_event, deal, ("data",)):
        body = json.dumps(document).encode()
        yield Message("/api/events", body, {"Content-Type": CLOUD_EVENT})
        data = base64.b64encode(json.dumps(members(deal)).encode()).decode()
        coded = {**document, "data_base64": data}
        del coded["data"]
        yield Message("/api/events", json.dumps(coded).encode(), {"Content-Type": CLOUD_EVENT})


def _cloud_headers(deal: Dealer) -> Iterator[Message]:
    """Binary mode: attributes in headers, percent-encoded or as they are, also as names."""
    for document in planted(_event, deal, ("data",)):
        data = document.pop("data")
        headers = {
            f"ce-{name}": quote(str(value)[:_LINE], safe=" ") for name, value in document.items()
        }
        headers["ce-comexamplenote"] = quote(deal.text(_LINE), safe="")
        raw = deal.text(_LINE)
        if raw.isascii() and raw.isprintable():
            headers["ce-comexampleraw"] = raw
        yield Message("/api/events", json.dumps(data).encode(), {"Content-Type": JSON, **headers})


def _unreadable(path: str, media_types: tuple[str, ...]) -> Maker:
    """Bodies that nobody can decode, and media types that say more than they should."""

    def make(deal: Dealer) -> Iterator[Message]:
        rounds = 0
        while not deal.done:
            name, value = deal.pair()
            number = deal.number()
            text = deal.text()
            bodies = (
                text.encode(),
                f'{{"note": {json.dumps(text)}, "{name}": "{value}", "n": {number}'.encode(),
                f"{{'note': '{text}', '{name}': '{value}'}}".encode(),
                f'[{{"{name}": "{value}", "{name}": "{value}"}}]'.encode(),
                b"\xff\xfe" + text.encode("utf-16-le"),
                f"{name}={value}&n={number}".encode() + b"\xff",
            )
            body = bodies[rounds % len(bodies)]
            media_type = media_types[rounds % len(media_types)]
            yield Message(path, body, {"Content-Type": media_type})
            if rounds % 7 == 0:
                odd = {"Content-Type": f"text/{quote(deal.text(80))}"}
                yield Message(path, body, odd)
                yield Message(path, body, {"Content-Type": JSON, "Content-Encoding": "gzip"})
            rounds += 1

    return make


def _change(number: int) -> dict[str, Any]:
    return {
        "id": f"change-{number}-{now_us()}",
        "source": "deployer",
        "kind": "deploy",
        "at": rfc3339(now_us()),
        "service": "payments",
        "summary": "a release",
        "version": "2026.11",
        "environment": "production",
        "author": "ada",
        "url": "https://ci.example/run/1",
        "artifact": "pkg:oci/payments",
        "attributes": {},
    }


def _changes(deal: Dealer) -> Iterator[Message]:
    def base(number: int) -> dict[str, Any]:
        return {**_change(number), "attributes": flat_members(deal)}

    documents = list(planted(base, deal))
    for at in range(0, len(documents), _BATCH):
        yield post_json("/api/changes", documents[at : at + _BATCH])


def _cdevent(number: int) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"cd-{number}-{now_us()}",
        "source": "/ci/payments",
        "type": "dev.cdevents.service.deployed.0.2.0",
        "time": rfc3339(now_us()),
        "datacontenttype": JSON,
        "data": {
            "context": {
                "version": "0.4.1",
                "id": f"cd-{number}",
                "source": "/ci/payments",
                "type": "dev.cdevents.service.deployed.0.2.0",
                "timestamp": rfc3339(now_us()),
            },
            "subject": {
                "id": "payments",
                "source": "/ci/payments",
                "type": "service",
                "content": {
                    "environment": {"id": "production", "source": "/ci"},
                    "artifactId": "pkg:oci/payments@sha256:0",
                },
            },
            "customData": {},
        },
    }


def _cdevents(deal: Dealer) -> Iterator[Message]:
    for document in planted(_cdevent, deal, ("data", "customData")):
        body = json.dumps(document).encode()
        yield Message("/api/changes", body, {"Content-Type": CLOUD_EVENT})


def _flag_file(number: int) -> dict[str, Any]:
    flag = {
        "state": "ENABLED",
        "variants": {"on": "yes", "off": "no"},
        "defaultVariant": "on",
        "targeting": {"if": [{"in": ["@example.org", {"var": "email"}]}, "on", "off"]},
        "metadata": {"owner": "ada"},
    }
    return {"flags": {f"checkout-{number}": flag}, "$evaluators": {"mail": {"in": ["a", "b"]}}}


def flag_files(deal: Dealer) -> Iterator[dict[str, Any]]:
    """Files with a text in each place, also as names of flags and of variants."""
    for number, document in enumerate(planted(_flag_file, deal, ("$evaluators",))):
        (flag,) = document["flags"].values()
        name, value = deal.pair()
        variant = deal.text(150)
        if isinstance(flag["variants"], dict):
            flag["variants"] |= {variant: members(deal), name: value}
        if number % 3 == 0:
            flag["defaultVariant"] = variant
        if number % 3 == 1:
            document["flags"][deal.text(150)] = {**flag, "state": "DISABLED"}
        if number % 4 == 0:
            document["flags"][name] = dict(flag)
        yield document


def _flagd(deal: Dealer) -> Iterator[Message]:
    for number, document in enumerate(flag_files(deal)):
        query = {"service": "payments", "environment": "live", "set": "a"}
        if number % 3 == 0:
            query[("service", "environment", "set")[number % 9 // 3]] = deal.text(190)
        wrapped = {"flagd": document, "service": deal.text(190)} if number % 5 == 1 else document
        body = json.dumps(wrapped).encode()
        yield Message(f"/api/changes?{urlencode(query)}", body, {"Content-Type": FLAGD})


def _person(deal: Dealer) -> dict[str, Any]:
    """What payment providers tell of people."""
    return {
        "billing_details": {"name": deal.text(), "email": deal.text(), "address": members(deal)},
        "description": deal.text(),
        "receipt_email": deal.text(),
        "customer_email": deal.pair()[1],
        "shipping": {"name": deal.text(), "phone": deal.pair()[1], "note": deal.text()},
        "payment_method_details": {"card": {"number": deal.number(), "last4": "4242"}},
        "note": deal.text(),
    }


def _message(signed: Signed) -> Message:
    return Message(signed.address, signed.body, {"Content-Type": JSON, **signed.headers})


def _stripe(deal: Dealer) -> Iterator[Message]:
    now_s = now_us() // SECOND_US

    def base(number: int) -> dict[str, Any]:
        error = {"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor"}
        error |= {"message": deal.text(), "charge": "ch_1", "payment_method": _person(deal)}
        thing = signing.intent(id=f"pi_{number}_{now_us()}", last_payment_error=error)
        thing |= {"cancellation_reason": "abandoned", "statement_descriptor": "SHOP"}
        thing |= _person(deal)
        thing["metadata"] = {"payment_id": f"p-{number}", "checkout_id": f"c-{number}"}
        outcome = {"type": "issuer_declined", "reason": "do_not_honor", "seller_message": "no"}
        charge = {**thing, "object": "charge", "failure_message": "no", "outcome": outcome}
        kind, what = (
            ("payment_intent.payment_failed", thing),
            ("payment_intent.succeeded", thing),
            ("charge.failed", charge),
            ("charge.refunded", charge),
        )[number % 4]
        return signing.stripe_event(kind, what, f"evt_{number}_{now_us()}", now_s)

    for document in planted(base, deal, ("data", "object", "metadata"), rounds=1):
        yield _message(signing.by_stripe(document, at_s=now_us() // SECOND_US))


def _adyen(deal: Dealer) -> Iterator[Message]:
    def base(number: int) -> dict[str, Any]:
        details = {
            "refusalReasonRaw": "05 : Do not honor",
            "refusalReasonCode": "2",
            "issuerCountry": "NL",
            "cardHolderName": deal.text(),
            "shopperEmail": deal.text(),
            "cardSummary": "1111",
            "shopperIP": "192.0.2.7",
            **members(deal),
        }
        return signing.adyen_item(
            pspReference=f"psp{number}x{now_us()}",
            originalReference="psp0",
            eventDate=rfc3339(now_us()),
            success="false" if number % 2 else "true",
            reason="Refused",
            additionalData=details,
            operations=["CANCEL"],
        )

    documents = list(planted(base, deal))
    for at in range(0, len(documents), _BATCH):
        yield _message(signing.by_adyen(*documents[at : at + _BATCH]))
    for document in documents[:5]:
        yield _message(signing.by_adyen(document, key=signing.ADYEN_KEY[::-1]))


def _shopify(deal: Dealer) -> Iterator[Message]:
    def base(number: int) -> dict[str, Any]:
        return signing.shopify_order(
            id=number + 1,
            created_at=rfc3339(now_us()),
            processed_at=rfc3339(now_us()),
            updated_at=rfc3339(now_us()),
            email="ada@example.org",
            note="a note",
            phone="+49",
            name="#1001",
            gateway="visa",
            payment_gateway_names=["shopify_payments"],
            source_name="web",
            cancel_reason=None,
            browser_ip="192.0.2.1",
            landing_site="/",
            line_items=[{"title": "a shirt", "properties": [{"name": "for", "value": "Ada"}]}],
            note_attributes=[
                {"name": "payment_id", "value": deal.text()},
                {"name": deal.text(), "value": deal.text()},
            ],
            customer=_person(deal),
            billing_address=members(deal),
        )

    for number, document in enumerate(planted(base, deal, (), rounds=1)):
        topic = ("orders/paid", "orders/cancelled", "checkouts/create", deal.text(200))[number % 4]
        signed = signing.by_shopify(document, "orders/paid", f"hook-{number}-{now_us()}")
        headers = {**signed.headers, "x-shopify-topic": quote(topic, safe="/")}
        headers["x-shopify-shop-domain"] = quote(deal.text())
        yield Message(signed.address, signed.body, headers)


def _standard(deal: Dealer) -> Iterator[Message]:
    for number, document in enumerate(planted(_event, deal, ("data",))):
        if number % 2:
            del document["specversion"]
        webhook_id = f"msg_{number}_{now_us()}"
        if number % 5 == 2:
            webhook_id = quote(deal.text(63), safe="")
        yield _message(signing.by_standard(document, webhook_id, at_s=now_us() // SECOND_US))


def _github(deal: Dealer) -> Iterator[Message]:
    def base(number: int) -> dict[str, Any]:
        at = rfc3339(now_us())
        deployment = {
            "id": number + 1,
            "sha": "0" * 40,
            "ref": "main",
            "task": "deploy",
            "environment": "production",
            "description": "a deployment",
            "created_at": at,
            "creator": {"login": "ada", "email": deal.text()},
            "payload": members(deal),
        }
        status = {
            "state": "success",
            "description": "done",
            "environment": "production",
            "created_at": at,
            "target_url": "https://ci.example/1",
            "log_url": "https://ci.example/2",
            "environment_url": "https://shop.example",
            "creator": {"login": "ada"},
        }
        repository = {"name": "payments", "full_name": "shop/payments", "default_branch": "main"}
        repository |= {"html_url": "https://github.example/shop/payments", **members(deal)}
        common = {"repository": repository, "sender": {"login": "ada", "email": deal.text()}}
        if number % 3 == 0:
            return {"action": "created", "deployment": deployment, **common}
        if number % 3 == 1:
            return {"action": "created", "deployment": deployment, "deployment_status": status,
                    "workflow_run": {"html_url": "https://ci.example/3"}, **common}  # fmt: skip
        release = {"tag_name": "v1", "name": "One", "published_at": at, "prerelease": False}
        release |= {"html_url": "https://ci.example/4", "author": {"login": "ada"}}
        return {"action": "published", "release": {**release, "body": deal.text()}, **common}

    for number, document in enumerate(planted(base, deal, ("repository",), rounds=1)):
        body = json.dumps(document).encode()
        event = ("deployment", "deployment_status", "release")[number % 3]
        if number % 7 == 6:
            event = quote(deal.text(100))
        headers = {
            "Content-Type": JSON,
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": quote(deal.text(63)) if number % 4 == 1 else f"{now_us()}",
            "X-Hub-Signature-256": f"sha256={_hex_hmac(GITHUB_SECRET, body)}",
        }
        yield Message("/webhooks/github/org", body, headers)


def _statuspage(deal: Dealer) -> Iterator[Message]:
    def base(number: int) -> dict[str, Any]:
        update = {"body": "we look into it", "status": "investigating"}
        incident = {
            "id": f"inc{number}",
            "name": "payments fail",
            "updated_at": rfc3339(now_us()),
            "incident_updates": [update],
        }
        page = {"id": "page1", "status_description": "down"}
        return {"page": page, "incident": incident, "meta": members(deal)}

    for number, document in enumerate(planted(base, deal, ("page",))):
        token = quote(deal.text(500)) if number % 6 == 5 else STATUS_TOKEN
        path = f"/webhooks/statuspage/psp?token={token}"
        yield Message(path, json.dumps(document).encode(), {"Content-Type": JSON})


def _forged(deal: Dealer) -> Iterator[Message]:
    """Nobody's signature, and addresses that nobody configured."""
    rounds = 0
    while not deal.done:
        name, value = deal.pair()
        text = deal.text()
        document = {"note": text, name: value, "n": deal.number()}
        kind = ("stripe/eu", "adyen/main", "shopify/shop", "standard/psp", "github/org")[rounds % 5]
        path = f"/webhooks/{kind}" if rounds % 2 else f"/webhooks/stripe/{quote(text, safe='')}"
        headers = {"Content-Type": JSON, "Stripe-Signature": f"t=1,v1={quote(deal.text())}"}
        headers |= {"Webhook-Id": quote(text)[:1_000], "Webhook-Signature": quote(text)[:1_000]}
        yield Message(path, json.dumps(document).encode(), headers)
        rounds += 1


def _alerts(deal: Dealer) -> Iterator[Message]:
    def base(number: int) -> dict[str, Any]:
        post = alert_post(f"Planted{number}")
        (alert,) = post["alerts"]
        alert["labels"] = {**alert["labels"], "slo": "payment-success", **_labels(deal)}
        alert["annotations"] |= _labels(deal)
        return {**post, "commonAnnotations": _labels(deal), "groupLabels": _labels(deal)}

    documents = list(planted(base, deal, rounds=1))
    for document in documents:
        yield post_json("/webhooks/alertmanager", document)
    whole = {**documents[0], "alerts": [one for each in documents for one in _listed(each)][:40]}
    yield post_json("/webhooks/alertmanager", whole)


def _listed(post: Mapping[str, Any]) -> list[Any]:
    found = post["alerts"]
    return found if isinstance(found, list) else []


def _labels(deal: Dealer) -> dict[str, str]:
    name, value = deal.pair()
    return {"note": deal.text(), "why": deal.text(), name: value, deal.text(100): "a label"}


def _slack(deal: Dealer) -> Iterator[Message]:
    def base(number: int) -> dict[str, Any]:
        found = click(f"{now_us()}.{number}")
        found |= {"response_url": "https://hooks.example/1", "trigger_id": "1.2", "token": "x"}
        found["message"] = {"text": deal.text(), "blocks": [members(deal)]}
        return found

    for document in planted(base, deal, ("user",)):
        message = slack_message(document)
        yield message
        if isinstance(document["actions"][0]["value"], str):
            body = message.body + f"&{quote(deal.text())}={quote(deal.text())}".encode()
            yield Message(message.path, body, message.headers)


def _addresses(deal: Dealer) -> Iterator[Message]:
    """Query strings, paths, user agents, and tokens where they do not belong."""
    rounds = 0
    while not deal.done:
        text, (name, value), number = deal.text(), deal.pair(), deal.number()
        said = quote(text, safe="")[:_LINE]
        headers = {
            "User-Agent": f"shop/1 {said}",
            "Referer": f"https://shop.example/?m={said}",
            "Authorization": ("Bearer", "Basic", "Token")[rounds % 3] + f" {said}",
            "X-Forwarded-For": f"{number}",
            "X-Request-Id": said,
            "Cookie": f"tillwatch_session={said}; other={quote(value)}",
            "X-Api-Key": quote(value),
        }
        query = urlencode({"access_token": text[:_LINE], name: value, "n": number, "since": text})
        paths = ("/api/events", f"/api/{said}", "/api/receipts/x", "/v1/traces", "/login",
                 f"/incidents/{said}", "/api/deadletters", "/webhooks/alertmanager")  # fmt: skip
        path = paths[rounds % len(paths)]
        body = urlencode({"token": text, name: value}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        yield Message(f"{path}?{query}", body, headers, otlp=rounds % 4 == 3)
        rounds += 1


def _hex_hmac(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


INPUTS: dict[str, Maker] = {
    **{
        f"{one.name} {'json' if form else 'protobuf'}{'' if valid else ', refused'}": _otlp(
            one, json_form=form, valid=valid
        )
        for one in SIGNALS
        for form in (False, True)
        for valid in (True, False)
    },
    "events": _plain_events,
    "events, flat lines": _flat_events,
    "events, CloudEvents": _cloud_events,
    "events, headers": _cloud_headers,
    "events, unreadable": _unreadable("/api/events", (JSON, NDJSON, CLOUD_EVENT)),
    "changes": _changes,
    "changes, CDEvents": _cdevents,
    "changes, flagd": _flagd,
    "changes, unreadable": _unreadable("/api/changes", (JSON, NDJSON, FLAGD)),
    "stripe": _stripe,
    "adyen": _adyen,
    "shopify": _shopify,
    "standard": _standard,
    "github": _github,
    "statuspage": _statuspage,
    "webhooks, forged": _forged,
    "alerts": _alerts,
    "alerts, unreadable": _unreadable("/webhooks/alertmanager", (JSON,)),
    "slack": _slack,
    "slack, unreadable": _unreadable("/slack/interactions", (JSON,)),
    "addresses": _addresses,
}
