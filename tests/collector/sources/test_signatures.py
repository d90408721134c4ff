"""Forged and replayed deliveries (threats T1 and T2): for every kind the same sentences."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.sources.port import Delivery
from collector.sources.registry import KINDS
from kernel.errors import BadInput, NotAuthenticated
from kernel.journal import Stream
from tests.collector.sources.signing import (
    ADYEN_KEY,
    NOW_US,
    SHOPIFY_SECRET,
    SIGNERS,
    STANDARD_KEY,
    STRIPE_SECRET,
    Signed,
    adyen_item,
    by_adyen,
    by_shopify,
    by_standard,
    by_stripe,
)

KEYS = {
    "stripe": STRIPE_SECRET.encode(),
    "adyen": bytes.fromhex(ADYEN_KEY),
    "shopify": SHOPIFY_SECRET.encode(),
    "standard": STANDARD_KEY,
}
# What the signature covers, and what vouches for it. Adyen's stand in its body.
COVERED = {
    "stripe": ("stripe-signature",),
    "adyen": (),
    "shopify": ("x-shopify-hmac-sha256",),
    "standard": ("webhook-id", "webhook-timestamp", "webhook-signature"),
}
ALL = sorted(SIGNERS)


def verify(kind: str, body: bytes, headers: Mapping[str, str], key: bytes | None = None) -> None:
    KINDS[kind].verify(Delivery(body, headers, NOW_US), [KEYS[kind] if key is None else key])


def flipped(data: bytes, bit: int) -> bytes:
    bit %= 8 * len(data)
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("kind", ALL)
def test_the_good_delivery_that_the_others_are_bent_from_is_taken(kind):
    signed = SIGNERS[kind][0]()
    verify(kind, signed.body, signed.headers)


@pytest.mark.parametrize("kind", ["stripe", "shopify", "standard"])
@given(bit=st.integers(min_value=0, max_value=1 << 20))
def test_a_single_changed_bit_of_the_body_is_never_taken(kind, bit):
    signed = SIGNERS[kind][0]()
    with pytest.raises(NotAuthenticated):
        verify(kind, flipped(signed.body, bit), signed.headers)


@pytest.mark.parametrize("kind", ["stripe", "shopify", "standard"])
@given(data=st.data())
def test_a_single_changed_bit_of_a_covered_header_is_never_taken(kind, data):
    signed = SIGNERS[kind][0]()
    name = data.draw(st.sampled_from(COVERED[kind]))
    bit = data.draw(st.integers(0, 8 * len(signed.headers[name]) - 1))
    bent = flipped(signed.headers[name].encode("latin-1"), bit).decode("latin-1")
    with pytest.raises(NotAuthenticated):
        verify(kind, signed.body, {**signed.headers, name: bent})


@pytest.mark.parametrize("kind", ALL)
@given(bit=st.integers(min_value=0, max_value=1 << 20))
def test_a_single_changed_bit_of_the_secret_is_never_taken(kind, bit):
    signed = SIGNERS[kind][0]()
    key = flipped(KEYS[kind], bit)
    if kind == "stripe" and not key.isascii():
        key = key.decode("latin-1").encode()
    with pytest.raises(NotAuthenticated):
        verify(kind, signed.body, signed.headers, key)


SIGNED_FIELDS = ("pspReference", "merchantAccountCode", "merchantReference", "eventCode", "success")


@given(
    name=st.sampled_from([*SIGNED_FIELDS, "hmacSignature", "currency"]),
    bit=st.integers(0, 1 << 16),
)
def test_a_single_changed_bit_of_what_adyen_signs_is_never_taken(name, bit):
    signed = by_adyen().body.decode()
    value = {
        "hmacSignature": signed.partition('"hmacSignature": "')[2].partition('"')[0],
        "currency": "EUR",
    }.get(name) or str(adyen_item()[name])
    bent = flipped(value.encode(), bit).decode("latin-1")
    # Else it is no text of JSON any more, and a stranger's body all the more.
    assume(bent.isprintable() and '"' not in bent and "\\" not in bent)
    body = signed.replace(f'"{name}": "{value}"', f'"{name}": "{bent}"')
    assert body != signed
    with pytest.raises(NotAuthenticated):
        verify("adyen", body.encode(), {})


@given(value=st.integers(min_value=0, max_value=1 << 53).filter(lambda value: value != 1_000))
def test_another_amount_under_the_same_signature_is_never_taken(value):
    body = by_adyen().body.replace(b'"value": 1000', f'"value": {value}'.encode())
    with pytest.raises(NotAuthenticated):
        verify("adyen", body, {})


@pytest.mark.parametrize("kind", ["stripe", "standard"])
@pytest.mark.parametrize("off_s", [-301, -300, -299, -1, 0, 1, 299, 300, 301])
def test_the_signed_time_may_be_five_minutes_off_on_both_sides_and_no_second_more(kind, off_s):
    sign = {"stripe": by_stripe, "standard": by_standard}[kind]
    signed = sign(at_s=NOW_US // 1_000_000 + off_s)
    if abs(off_s) <= 300:
        verify(kind, signed.body, signed.headers)
        return
    with pytest.raises(NotAuthenticated, match="old" if off_s < 0 else "ahead"):
        verify(kind, signed.body, signed.headers)


HEADER_CHARS = string.printable.replace("\r", "").replace("\n", "") + "\x00\x7f\xe9\xff\u0663"
NAMES = [
    "stripe-signature",
    "hmacsignature",
    "x-shopify-hmac-sha256",
    "x-shopify-topic",
    "x-shopify-webhook-id",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
]
HABITS = ["t=", "v1=", "v1,", "v0=", ",", " ", "=", "1" * 40, "\u00b2", "NaN", "-1", "1e9", "0300"]


def random_header(source: random.Random) -> str:
    parts = [
        source.choice(HABITS)
        if source.random() < 0.5
        else "".join(source.choices(HEADER_CHARS, k=source.randrange(12)))
        for _ in range(source.randrange(6))
    ]
    return "".join(parts)


def test_ten_thousand_random_headers_are_all_refused_and_none_breaks_anything():
    source = random.Random(20_261_118)
    for number in range(10_000):
        kind = ALL[number % len(ALL)]
        body = SIGNERS[kind][0]().body if kind != "adyen" else b'{"notificationItems": []}'
        headers = {name: random_header(source) for name in source.sample(NAMES, 4)}
        with pytest.raises((NotAuthenticated, BadInput)):
            verify(kind, body, headers)


@settings(max_examples=50)
@given(body=st.binary(max_size=300))
def test_any_bytes_at_all_are_refused_as_not_signed(body):
    for kind in ALL:
        with pytest.raises(NotAuthenticated):
            verify(kind, body, {})


@pytest.mark.parametrize(
    ("signed", "name"),
    [
        (by_stripe(), "stripe-signature"),
        (by_standard(), "webhook-signature"),
        (by_shopify(), "x-shopify-hmac-sha256"),
    ],
    ids=["stripe", "standard", "shopify"],
)
def test_over_http_an_odd_signature_is_401_and_never_500(client, signed, name):
    for odd in (b"\xff\xfe", b"t=1,v1=\xe9", b"v1,\xe9", b"", b"t=" + b"9" * 5_000, b"v1," * 500):
        answer = client.post(signed.address, content=signed.body, headers=[(name.encode(), odd)])
        assert answer.status_code == 401, odd
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ALL)
def test_each_of_two_configured_secrets_is_enough_and_a_third_one_is_not(send, kind):
    answers = [send(rotated(kind, secret)).status_code for secret in ("new", "old", "foreign")]
    assert [status // 100 for status in answers] == [2, 2, 4]
    assert answers[2] == 401


def rotated(kind: str, which: str) -> Signed:
    from tests.collector.sources import signing as s

    index = ["new", "old", "foreign"].index(which)
    if kind == "stripe":
        secret = [s.STRIPE_NEXT, s.STRIPE_SECRET, "whsec_" + "z" * 32][index]
        event = s.stripe_event("payment_intent.succeeded", s.intent(), event_id=f"evt_{which}")
        return by_stripe(event, secret)
    if kind == "adyen":
        key = [s.ADYEN_NEXT, s.ADYEN_KEY, "00" * 32][index]
        return by_adyen(adyen_item(pspReference=f"PSP{which}"), key=key)
    if kind == "shopify":
        secret = [s.SHOPIFY_NEXT, s.SHOPIFY_SECRET, "foreign-secret-0123"][index]
        return by_shopify(webhook_id=which, secret=secret)
    key = [s.STANDARD_NEXT, s.STANDARD_KEY, bytes(32)][index]
    return by_standard(webhook_id=which, key=key)


@pytest.mark.parametrize("kind", ALL)
def test_fifty_deliveries_of_the_same_at_the_same_time_have_one_effect(hooks, client, kind):
    signed = SIGNERS[kind][0]()

    def deliver(_: int) -> int:
        answer = client.post(signed.address, content=signed.body, headers=signed.headers)
        return answer.status_code

    with ThreadPoolExecutor(max_workers=10) as pool:
        statuses = set(pool.map(deliver, range(50)))
    assert {status // 100 for status in statuses} == {2}
    records = hooks.finder._journal.read([Stream.RAW], 0)
    assert [record.items for record in records] == [1]
    counted = hooks.webhooks.tally.of(records[0].source)
    assert (counted["accepted"], counted["duplicate"]) == (1, 49)


@pytest.mark.parametrize("kind", ALL)
def test_a_replay_within_seven_days_changes_nothing_where_it_is_still_let_in(hooks, send, kind):
    signed = SIGNERS[kind][0]()
    assert send(signed).is_success
    hooks.clock.advance_s(6 * 86_400)
    again = send(signed)
    # A signed time has run out by now; without one the key is what stands against the replay.
    assert again.status_code == (401 if kind in {"stripe", "standard"} else 200)
    assert len(hooks.finder._journal.read([Stream.RAW], 0)) == 1


@pytest.mark.parametrize("kind", ALL)
def test_a_replay_after_the_key_is_forgotten_tells_the_same_event_and_no_other(hooks, told, kind):
    signed = SIGNERS[kind][0]()
    first = told(signed)
    _, _, name, source = signed.address.split("/")
    known = hooks.webhooks.prepare(name, source, signed.body, signed.headers).append
    # What the door appends once it has forgotten the key.
    anew = replace(known, items=[replace(item, key=None) for item in known.items])
    assert hooks.writer.append(anew).result().accepted == 1
    assert told() == first
