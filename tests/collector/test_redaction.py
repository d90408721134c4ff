"""Card data never gets through, identifiers always do."""

from __future__ import annotations

import random
import unicodedata
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.redaction import Redactor
from collector.redaction.keyfile import load_or_create
from collector.redaction.keys import KeyClass, classify
from collector.redaction.pan import is_pan
from collector.redaction.redactor import DROPPED
from kernel.errors import NotConfigured

REDACTOR = Redactor(b"0123456789abcdef")
# Test numbers that the card schemes and payment providers publish.
CARDS = [
    "4111111111111111",
    "4242424242424242",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "371449635398431",
    "6011111111111117",
    "6011981111111113",
    "3056930009020004",
    "36227206271667",
    "3566002020360505",
    "6200000000000005",
    "6205500000000000004",
    "6759649826438453",
    "5019717010103742",
    "2200770239097761",
]


def luhn_digit(head: str) -> str:
    return next(d for d in "0123456789" if is_luhn(head + d))


def is_luhn(digits: str) -> bool:
    total = 0
    for index, char in enumerate(reversed(digits)):
        value = int(char) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize(
    "shape",
    [
        "{0}",
        "card {0}, thanks",
        "https://shop.example/pay?card={0}&x=1",
        '{{"number":"{0}"}}',
        "a\n{0}\tb",
        "pan_{0}",
        "{0}.",
        "amount 12 {0} 1225",
    ],
)
def test_a_card_number_is_masked_wherever_it_stands(card: str, shape: str) -> None:
    masked = REDACTOR.text(shape.format(card))
    assert card not in masked
    assert f"[pan:{card[-4:]}]" in masked


@pytest.mark.parametrize("card", CARDS)
def test_separators_and_encodings_do_not_hide_a_card_number(card: str) -> None:
    groups = [card[i : i + 4] for i in range(0, len(card), 4)]
    wide = card.translate({48 + d: 0xFF10 + d for d in range(10)})
    arabic = card.translate({48 + d: 0x0660 + d for d in range(10)})
    hidden = [
        " ".join(groups),
        "-".join(groups),
        "\u2013".join(groups),
        "\u00a0".join(groups),
        "\u200b".join(groups),
        " ".join(card),
        wide,
        arabic,
        quote(" ".join(groups)),
        "".join(f"%{ord(char):02X}" for char in card),
        "".join(f"%25{ord(char):02X}" for char in card),
        "".join(f"\\u{ord(char):04x}" for char in card),
    ]
    for text in hidden:
        assert f"[pan:{card[-4:]}]" in REDACTOR.text(f"x {text} y"), text


def test_a_card_number_in_a_number_is_masked() -> None:
    assert REDACTOR.value("n", 4111111111111111) == "[pan:1111]"
    assert REDACTOR.value("n", 4111111111111111.0) == "[pan:1111]"
    assert REDACTOR.value("n", -4111111111111111) == "[pan:1111]"


def test_a_card_number_under_an_identifier_becomes_a_keyed_token_that_joins() -> None:
    one = REDACTOR.value("payment_id", "4111111111111111")
    other = REDACTOR.value("tillwatch.payment_id", 4111111111111111)
    assert one == other
    assert one != REDACTOR.value("payment_id", "4242424242424242")
    assert str(one).startswith("[id:")


# 2.2e9 s is September 2039: from then on nanoseconds begin like Mir cards.
@given(st.integers(min_value=1_000_000_000, max_value=2_199_999_999), st.integers(0, 999_999_999))
def test_timestamps_survive(seconds: int, nanos: int) -> None:
    for text in (
        f"{seconds}{nanos:09d}",
        f"{seconds}{nanos // 1000:06d}",
        f"{seconds}{nanos // 1_000_000:03d}",
    ):
        assert REDACTOR.text(f"at {text} it was") == f"at {text} it was"
        assert REDACTOR.value("t", int(text)) == int(text)


def test_thousands_of_ids_survive() -> None:
    rng = random.Random(11)
    for _ in range(20_000):
        ids = (
            str(uuid.UUID(int=rng.getrandbits(128), version=4)),
            f"{rng.getrandbits(128):032x}",
            f"00-{rng.getrandbits(128):032x}-{rng.getrandbits(64) | 0xF << 60:016x}-01",
            f"req {uuid.UUID(int=rng.getrandbits(128))} took {rng.random():.16f} s",
            str(1_700_000_000_000_000_000 + rng.getrandbits(57)),
        )
        for text in ids:
            assert REDACTOR.text(text) == text


@given(st.text(max_size=300))
def test_masking_is_stable(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once


@given(
    st.sampled_from(["4", "51", "55", "2221", "2720", "34", "37", "6011", "65", "62", "3528"]),
    st.integers(min_value=10**18, max_value=10**19 - 1),
)
def test_every_number_of_a_card_range_is_found(prefix: str, filler: int) -> None:
    size = 15 if prefix in {"34", "37"} else 16
    head = (prefix + str(filler))[: size - 1]
    card = head + luhn_digit(head)
    assert is_pan(card)
    assert card not in REDACTOR.text(f"paid with {card[:4]} {card[4:]} or {card}.")


def test_hostile_texts_of_a_megabyte_end() -> None:
    # Quadratic work on any of these would run into the suite's time limit.
    for piece in ("1 ", "a@", "9", "%25", "4111-", "a.", "1111 1111 1111 1111a"):
        text = piece * (1_000_000 // len(piece))
        assert len(REDACTOR.text(text)) > 0


def test_addresses_become_keyed_tokens_that_still_join() -> None:
    one = REDACTOR.text("mail to Ada@Example.org now")
    assert "xample" not in one
    token = one.split()[2]
    assert REDACTOR.text("ada@example.org") == token
    assert REDACTOR.value("user.email", "ada@example.org") == token
    assert REDACTOR.text("ada%40example.org") == token
    assert Redactor(b"another key 0123").text("ada@example.org") != token
    assert str(REDACTOR.value("enduser.id", "ada")).startswith("[user:")
    assert REDACTOR.value("enduser.id", REDACTOR.value("enduser.id", "ada")) == REDACTOR.value(
        "enduser.id", "ada"
    )


def test_versions_behind_an_at_sign_are_no_addresses() -> None:
    for text in ("pkg:oci/payments@1.2.3", "left-pad@1.3.0", "at @ 5", "git@host:repo"):
        assert REDACTOR.text(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "cvv",
        "demo.payment.card_cvv",
        "card.securityCode",
        "CVC2",
        "demo.payment.card_number",
        "cardNumber",
        "credit-card",
        "http.request.header.authorization",
        "db.password",
        "STRIPE_SECRET_KEY",
        "x-api-key",
        "access_token",
        "Set-Cookie",
        "pan",
    ],
)
def test_keys_that_name_card_data_or_secrets_are_dropped(key: str) -> None:
    assert REDACTOR.value(key, "anything") is DROPPED
    assert REDACTOR.document({"a": {key: ["x", {"y": 1}]}, "b": 1}) == {"a": {}, "b": 1}


@pytest.mark.parametrize(
    "key",
    [
        "card.last4",
        "demo.payment.card_type",
        "demo.payment.card_valid",
        "card_not_present",
        "payment.method",
        "llm.token_count",
        "company",
        "expand",
        "spanish",
        "checkout.step",
    ],
)
def test_harmless_keys_stay(key: str) -> None:
    assert classify(key) in {KeyClass.PLAIN, KeyClass.IDENTIFIER}


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    key = load_or_create(tmp_path)
    assert load_or_create(tmp_path) == key
    assert (tmp_path / "redaction.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["redaction.key"]
    (tmp_path / "redaction.key").write_text("short")
    with pytest.raises(NotConfigured):
        load_or_create(tmp_path)


_KEYS = st.sampled_from(
    ["order_id", "note", "amount", "email", "card_number", "user_id", "data", "a@b.co", "ключ", ""]
) | st.text(max_size=4)
_TEXTS = st.sampled_from(
    [*CARDS[:3], "4111 1111 1111 1111", "a%40b.co", "x\\u0040y.de", "1.2.3", "4111", "a\nb", "٤١١١"]
) | st.text(max_size=12)
_NUMBERS = st.sampled_from([4111111111111111, 10**12, 10**12 - 1, -4111111111111111, 4.2e15, 0.5])
_DOCUMENTS = st.recursive(
    st.none() | st.booleans() | _NUMBERS | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(_DOCUMENTS)
def test_the_look_at_a_whole_document_finds_what_the_walk_finds(document):
    redactor = Redactor(b"0123456789abcdef")
    walked = redactor._walk("", document)
    expected = None if walked is DROPPED else walked
    for _ in range(2):  # with keys not seen before, then with keys remembered
        found = redactor.document(document)
        assert repr(found) == repr(expected)


def test_digits_of_two_fields_are_no_card_number():
    document = {"first": "41111111", "second": "11111111"}
    assert REDACTOR.document(document) == document


@pytest.mark.parametrize(
    "text",
    [
        "declined, cvv=123",
        '{"order": 7, "cvv": "123"}',
        '{\\"cvc\\":\\"123\\"}',
        "/pay?card_cvv=123&x=2",
        "cvv%3D123",
        "\uff43\uff56\uff56\uff1d\uff11\uff12\uff13",
        "CVV2 code is 123.",
        "Bad CVC (123)",
    ],
)
def test_a_check_code_that_a_text_names_is_masked(text):
    masked = REDACTOR.text(text)
    assert "123" not in unicodedata.normalize("NFKC", masked)
    assert "[code]" in masked
    assert REDACTOR.text(masked) == masked
    assert "[code]" in str(REDACTOR.document({"message": text, "other": "plain"}))


@pytest.mark.parametrize(
    "text", ["cvv check failed after 123 ms", "svc 123", "cvv=12345", "cvcs 123"]
)
def test_other_numbers_near_the_word_stay(text):
    assert REDACTOR.text(text) == text
