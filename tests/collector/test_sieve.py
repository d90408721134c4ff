"""The law of the sieve: what redaction would change, it points at."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from collector.redaction import Redactor
from collector.redaction.keys import SUSPICIOUS_WORDS, KeyClass, classify
from collector.redaction.lookalikes import FOLDING, folded
from collector.redaction.redactor import DROPPED
from collector.redaction.sieve import Form, sieve_for
from tests.faults.cards import cards, spellings
from tests.faults.secrets import plantings

REDACTOR = Redactor(b"0123456789abcdef")
HARMLESS = {KeyClass.PLAIN, KeyClass.IDENTIFIER}
KEY_WORDS = [
    "cvv", "cvc2", "cvn", "security", "code", "card", "number", "num", "no", "nr", "cc", "pan",
    "track1", "track", "data", "credit", "debit", "pass", "word", "secret", "api", "key", "access",
    "token", "cookie", "set", "pwd", "pin", "otp", "authorization", "e", "mail", "email", "address",
    "user", "customer", "id", "name", "full", "phone", "iban", "last4", "recv", "x", "count",
    "\uff43\uff56\uff56",
]  # fmt: skip
SEPARATORS = ["", "_", ".", "-", "/", " ", "__", "·", "—", ":", "\n", '"']


@st.composite
def keys(draw: st.DrawFn) -> str:
    """Names as programs make them, of words that mean something here."""
    words = draw(st.lists(st.sampled_from(KEY_WORDS), min_size=1, max_size=4))
    shape = draw(st.sampled_from([str.lower, str.upper, str.title, str]))
    text = "".join(shape(word) + draw(st.sampled_from(SEPARATORS)) for word in words)
    return text if draw(st.booleans()) else text.strip("_.-/ :")


def as_protobuf(key: str, value: str | float) -> bytes:
    pair = KeyValue(key=key)
    if isinstance(value, str):
        pair.value.string_value = value
    elif isinstance(value, int):
        pair.value.int_value = value
    else:
        pair.value.double_value = value
    return pair.SerializeToString()


def points(key: str, value: str | float) -> list[bool]:
    """Whether each form of a body that holds this pair is pointed at."""
    plain = {"a": [{"key": key, "value": value}]}
    slashed = json.dumps(plain).replace("/", "\\/")
    bodies = [msgspec.json.encode(plain), json.dumps(plain).encode(), slashed.encode()]
    found = [not sieve_for(Form.JSON).is_clean(body) for body in bodies]
    return [*found, not sieve_for(Form.PROTOBUF).is_clean(as_protobuf(key, value))]


@given(keys(), st.sampled_from(["", "x" * 70]))
@example("customer_full_name", "")
@example("ASP.NET_SessionId", "")
def test_every_key_that_is_judged_is_pointed_at(key, tail):
    if classify(key + tail) not in HARMLESS:
        assert all(points(key + tail, "x")), key


@pytest.mark.parametrize("word", SUSPICIOUS_WORDS)
@pytest.mark.parametrize(
    "shape", ["{0}", "x.{0}", "my{1}", "{2}", "{0}_x", "a{1}B", "{0}." + "y" * 80]
)
def test_every_whole_word_is_pointed_at(word, shape):
    key = shape.format(word, word.capitalize(), word.upper())
    if classify(key) not in HARMLESS:
        assert all(points(key, "x")), key


def changed(text: str) -> bool:
    return any(REDACTOR._masked(text, how) != text for how in (False, True))


def check_text(text: str) -> None:
    """Looked at closely, the text is changed: then every form of it is pointed at."""
    if changed(text):
        assert not sieve_for(Form.TEXT).is_clean(text.encode()), text
        assert all(points("note", text)), text
        assert all(points("note", f"{text} {'z' * 60}"[:57])) or not changed(
            f"{text} {'z' * 60}"[:57]
        )


PIECES = st.sampled_from(
    [
        "4111111111111111", "4111 1111 1111 1111", "4111-1111 1111", "1111", "4 1 1 1", "5555 5555",
        "378282246310005", "3782 822463 10005", "622202 1234567890128", "41", "11", " ", "-", "+",
        "a@b.co", "Ada%40x.de", "@", ".org", "\\u0034", "%34", "%25",
        "\uff14\uff11\uff11\uff11", "\u0664\u0661", "\u200b",
        "cvv", " 123", "=", ": ", "password", "token", "hunter2!", "Bearer ", "Basic ",
        "ZGVwbG95Og==",
        "://u:", "p4ss@", "/", "sid", "cookie", "DE89", "3704 0044 0532 0130 00", "B", "^",
        "D2512101",
        "\n", "\t", "é", "ﬁ", "Bearer abcdefg1",
    ]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=3), max_size=7).map("".join))
def test_every_text_that_is_masked_is_pointed_at(text):
    check_text(text)


def test_every_planted_secret_is_masked_and_pointed_at():
    seen = set()
    for planting in plantings(random.Random(3)):
        seen.add(planting.kind)
        if planting.key:
            assert all(points(planting.key, planting.text)), planting
            masked = REDACTOR.value(planting.key, planting.text)
        else:
            check_text(planting.text)
            masked = REDACTOR.text(planting.text)
        left = "" if masked is DROPPED else str(masked)
        assert not [part for part in planting.parts if part in left], (planting, left)
        assert REDACTOR.text(left) == left
    assert len(seen) >= 27


def test_every_card_of_every_brand_is_pointed_at_in_every_spelling():
    for card in cards(random.Random(5)):
        assert all(points("n", int(card))), card
        assert all(points("n", -int(card))), card
        assert all(points("n", float(card))) or float(card) != int(card)
        for spelling in spellings(card):
            check_text(spelling.text)


@given(st.integers(1_000_000_000, 2_019_999_999), st.integers(0, 999_999_999))
def test_timestamps_in_json_are_not_pointed_at(seconds, nanos):
    body = f'{{"startTimeUnixNano":"{seconds}{nanos:09d}","at":{seconds}{nanos // 10**6:03d}}}'
    assert sieve_for(Form.JSON).is_clean(body.encode())


def test_ordinary_telemetry_is_not_pointed_at():
    for key, value in (
        ("http.request.method", "POST"),
        ("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("http.response.status_code", 200),
        ("service.instance.id", "9f2c1f8e-63b4-4c56-a8ce-9e1d5f0c7a11"),
        ("url.path", "/checkout/7/payment"),
        ("messaging.kafka.offset", 81_234),
        ("session.id", "abcdef"),
    ):
        assert not any(points(key, value)), key


def test_the_folding_characters_are_those_of_the_unicode_tables():
    listed = re.compile(rb"(?:%s)\Z" % b"|".join(FOLDING))
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x20000)):
        char = chr(code)
        plain = folded(char)
        if plain != char and (not plain or any(one.isascii() for one in plain)):
            assert listed.match(char.encode()), (hex(code), unicodedata.name(char, ""))


def test_threads_may_share_a_sieve():
    body = as_protobuf("note", "4111 1111 1111 1111") * 2_000
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(sieve_for(Form.PROTOBUF).places, [body] * 16))
    assert all(one == found[0] for one in found)
    assert len(found[0]) >= 2_000
