"""What a provider hears, what is kept, and what a stranger costs."""

from __future__ import annotations

import json

import pytest

from collector.deadletters import DeadLetterService
from kernel.journal import Stream
from tests.collector.sources.signing import (
    SIGNERS,
    Signed,
    adyen_item,
    by_adyen,
    by_shopify,
    by_standard,
    by_stripe,
    intent,
    our_event,
    stripe_event,
)


def records(hooks):
    return hooks.finder._journal.read([Stream.RAW], 0)


def letters(hooks):
    return DeadLetterService(hooks.journal_path, hooks.store).list()


def test_what_was_taken_is_on_disk_and_its_receipt_says_so(hooks, send):
    answer = send(by_stripe())
    assert answer.status_code == 202
    document = answer.json()
    assert (document["accepted"], document["duplicates"], document["rejected"]) == (1, 0, [])
    assert answer.headers["tillwatch-receipt"] == document["receipt"]
    [record] = records(hooks)
    assert (record.receipt, record.source) == (document["receipt"], "stripe/eu")
    assert record.format == "webhook.stripe"


def test_a_second_delivery_is_taken_and_is_a_duplicate(hooks, send):
    send(by_standard())
    assert send(by_standard()).json()["duplicates"] == 1
    assert hooks.webhooks.tally.of("standard/psp") == {
        "accepted": 1,
        "duplicate": 1,
        "forged": 0,
        "ignored": 0,
        "unusable": 0,
    }


def test_adyen_hears_the_word_that_it_waits_for(send):
    answer = send(by_adyen())
    assert (answer.status_code, answer.text) == (200, "[accepted]")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("address", ["/webhooks/stripe/us", "/webhooks/paypal/eu"])
def test_an_unknown_source_or_kind_is_404_with_the_next_step(hooks, send, address):
    answer = send(Signed(address, by_stripe().body, by_stripe().headers))
    assert answer.status_code == 404
    assert answer.json()["hint"]
    assert letters(hooks) == []


def test_a_source_without_a_secret_is_503_and_says_where_to_put_it(send):
    answer = send(Signed("/webhooks/stripe/unarmed", by_stripe().body, by_stripe().headers))
    assert answer.status_code == 503
    assert answer.json()["code"] == "not_configured"
    assert "TILLWATCH_WEBHOOK_SECRETS" in answer.json()["hint"]


def test_of_a_forged_body_only_length_digest_and_reason_are_kept(hooks, send):
    body = json.dumps({"id": "evt_1", "note": "nobody-may-keep-this"}).encode()
    answer = send(Signed("/webhooks/stripe/eu", body, by_stripe().headers))
    assert answer.status_code == 401
    assert records(hooks) == []
    [letter] = letters(hooks)
    assert letter["source"] == "stripe/eu"
    assert letter["reason"] == "not verified: no signature of the header fits the body"
    [kept] = hooks.finder._journal.receipt(letter["receipt"])["rejected"]
    assert kept["length"] == len(body)
    assert kept["digest"] == hooks.redactor.digest(body)
    assert b"nobody-may-keep-this" not in hooks.journal_bytes()


def test_a_flood_of_forged_bodies_costs_twenty_receipts_a_minute_and_is_counted(hooks, send):
    forged = Signed("/webhooks/stripe/eu", b"{}", {"stripe-signature": "t=1,v1=" + "0" * 64})
    assert {send(forged).status_code for _ in range(60)} == {401}
    assert len(letters(hooks)) == 20
    assert hooks.webhooks.tally.of("stripe/eu")["forged"] == 60
    hooks.clock.advance_s(60)
    send(forged)
    assert len(letters(hooks)) == 21


def test_a_thin_event_of_stripe_is_refused_with_the_way_out(hooks, send):
    thin = {
        "id": "evt_test_65",
        "object": "v2.core.event",
        "type": "v1.billing.meter.no_meter_found",
        "created": "2026-09-17T06:20:52.246Z",
        "related_object": {"id": "pi_1", "type": "payment_intent"},
    }
    answer = send(by_stripe(thin))
    assert answer.status_code == 400
    assert answer.json()["path"] == "$.object"
    assert "snapshot" in answer.json()["hint"]
    assert [letter["rule"] for letter in letters(hooks)] == ["$.object"]


@pytest.mark.parametrize(
    "document",
    [
        {"object": "event", "type": "charge.failed"},
        {**stripe_event("charge.failed", {}), "created": "yesterday"},
        {**stripe_event("charge.failed", {}), "created": True},
        {**stripe_event("charge.failed", {}), "id": 7 * "x" * 60},
        {**stripe_event("charge.failed", {}), "created": 1_500_000_000},
        {key: one for key, one in stripe_event("", {}).items() if key != "type"},
        {"hello": "world"},
    ],
    ids=["no id", "no time", "a truth value", "a long id", "too old", "no type", "something else"],
)
def test_a_signed_body_that_says_nothing_usable_is_400_and_a_dead_letter(hooks, send, document):
    answer = send(by_stripe(document))
    assert answer.status_code == 400
    assert records(hooks) == []
    assert len(letters(hooks)) == 1
    assert hooks.webhooks.tally.of("stripe/eu")["unusable"] == 1


def test_a_signed_body_that_is_no_strict_json_is_400(send):
    for body in (b'{"id": "a", "id": "b"}', b"[1, 2", b'{"a": NaN}', b"\xff"):
        signed = by_shopify()
        from tests.collector.sources.signing import SHOPIFY_SECRET, b64_hmac

        signature = b64_hmac(SHOPIFY_SECRET.encode(), body)
        headers = {**signed.headers, "x-shopify-hmac-sha256": signature}
        assert send(Signed(signed.address, body, headers)).status_code == 400, body


def test_a_compressed_webhook_is_refused_before_anything_else(send):
    answer = send(by_stripe(), **{"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_a_body_beyond_two_mebibytes_is_413(client):
    answer = client.post("/webhooks/stripe/eu", content=b"x" * (2 * 1024**2 + 1))
    assert answer.status_code == 413


def test_one_bad_item_of_adyen_does_not_sink_its_neighbours(hooks, send):
    forged = adyen_item(pspReference="FORGED", additionalData={"hmacSignature": "AAAA"})
    bare = adyen_item(pspReference="BARE")
    del bare["additionalData"]
    dateless = adyen_item(pspReference="DATELESS", eventDate="soon")
    good = [adyen_item(pspReference=f"PSP{n}", merchantReference=f"pay-{n}") for n in (1, 2)]
    answer = send(by_adyen(good[0], forged, bare, dateless, good[1]))
    assert (answer.status_code, answer.text) == (200, "[accepted]")
    [record] = records(hooks)
    assert record.items == 2
    assert {(letter["index"], letter["rule"]) for letter in letters(hooks)} == {
        (1, "$.additionalData"),
        (2, "$.additionalData"),
        (3, "$.eventDate"),
    }
    hooks.project()
    rows = hooks.store.events(from_us=0, to_us=1 << 62)
    assert sorted(row.event.payment_id for row in rows) == ["pay-1", "pay-2"]


def test_where_no_item_is_adyens_the_whole_is_401(hooks, send):
    bare = adyen_item()
    del bare["additionalData"]
    assert send(by_adyen(bare)).status_code == 401
    assert send(by_adyen(bare, adyen_item(), key="00" * 32)).status_code == 401
    assert records(hooks) == []


def test_nothing_that_names_a_person_or_a_card_reaches_the_disk(hooks, send):
    secrets = {
        "receipt_email": "ada.lovelace@example.org",
        "client_secret": "pi_1_secret_abc",
        "description": "card 4242 4242 4242 4242 of Ada King-Noel",
        "shipping": {"name": "Ada King-Noel", "address": {"line1": "12 St James's Square"}},
        "last_payment_error": {
            "type": "card_error",
            "decline_code": "do_not_honor",
            "message": "4242424242424242 was declined",
            "payment_method": {"billing_details": {"name": "Ada King-Noel", "phone": "+4420794"}},
        },
        "metadata": {"payment_id": "pay-1", "customer": "Ada King-Noel", "region": "a@b.example"},
    }
    send(by_stripe(stripe_event("payment_intent.payment_failed", intent(**secrets))))
    details = {"shopperEmail": "ada.lovelace@example.org", "cardHolderName": "Ada King-Noel"}
    send(by_adyen(adyen_item(reason="4242424242424242:4242:03/2030", additionalData=details)))
    send(by_standard(our_event(id="e1", data={"email": "a@b.example", "pan": "4242424242424242"})))
    hooks.project()
    stored = hooks.journal_bytes()
    assert b"pay-1" in stored
    assert b"do_not_honor" in stored
    for secret in (
        *(b"Ada King-Noel", b"St James", b"_secret_abc", b"+4420794"),
        *(b"4242424242424242", b"4242 4242", b"lovelace", b"a@b.example", b"03/2030"),
    ):
        assert secret not in stored, secret


@pytest.mark.parametrize("kind", sorted(SIGNERS))
def test_what_the_documents_lack_never_breaks_the_reading_of_what_is_there(hooks, send, kind):
    assert send(SIGNERS[kind][0]()).is_success
    hooks.project()
    assert letters(hooks) == []
    assert len(hooks.store.events(from_us=0, to_us=1 << 62)) == 1


def test_a_stored_record_that_no_rule_reads_becomes_a_dead_letter(hooks):
    from kernel.journal import Append, Item

    for body in (b'[{"ids": {}, "event": {}}]', b"[1]", b"{]"):
        hooks.writer.append(
            Append(Stream.RAW, "stripe/eu", "webhook.stripe", [Item(body)], whole=True)
        ).result()
    hooks.project()
    assert [letter["rule"] for letter in letters(hooks)] == ["webhook.stripe"] * 3


def test_the_sources_show_what_came_and_what_found_no_unit(hooks, send):
    send(by_stripe())
    send(by_stripe(stripe_event("payment_intent.succeeded", intent(metadata={}), "evt_2")))
    send(Signed("/webhooks/stripe/eu", b"{}", by_stripe().headers))
    hooks.project()
    shown = hooks.client("viewer-token").get("/api/webhooks").json()
    assert shown["complete"] is True
    by_name = {one["name"]: one for one in shown["sources"]}
    assert list(by_name) == [
        *("adyen/main", "shopify/shop", "standard/psp", "stripe/eu", "stripe/unarmed"),
    ]
    stripe = by_name["stripe/eu"]
    assert (stripe["events"], stripe["unmatched"], stripe["secrets"]) == (2, 1, 2)
    assert stripe["notifications"]["forged"] == 1
    [unmatched] = shown["unmatched"]
    assert unmatched["id"] == "evt_2"
    assert unmatched["attributes"]["provider_id"] == "pi_1"
    assert hooks.client("shop-token").get("/api/webhooks").status_code == 403


def test_an_amount_like_a_card_number_is_refused_before_it_is_acknowledged(hooks, send):
    """Redaction takes the number away: stored, nobody could tell what it meant."""
    data = {"payment_id": "pay-1", "amount_minor": 4111111111111111, "currency": "EUR"}
    answer = send(by_standard(our_event(data=data)))
    assert answer.status_code == 400
    assert answer.json()["path"] == "$.data.amount_minor"
    assert records(hooks) == []
    assert len(letters(hooks)) == 1
