"""Nothing unscanned is stored, and the document stays a document."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shared_data import shared
from triage.byte_redaction import redact

CARD = "4111111111111111"


@pytest.mark.parametrize(
    "text",
    [
        CARD,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111\u00a01111\u00a01111\u00a01111",
        "3782 822463 10005",
        "in 2026 4111 1111 1111 1111 77",
    ],
)
def test_card_numbers_are_masked_in_any_grouping(text):
    clean = json.loads(redact(json.dumps({"summary": f"card {text} failed"}).encode()))["summary"]
    assert "1111" not in clean
    assert "82246" not in clean
    assert clean.endswith("failed")


def test_a_card_behind_json_escapes_is_masked():
    escaped = "".join(f"\\u{ord(char):04x}" for char in CARD)
    clean = redact(f'{{"a": "{escaped}", "b": "4111\\u00201111\\u00201111\\u00201111"}}'.encode())
    assert json.loads(clean) == {"a": "*" * 16, "b": "**** **** **** ****"}


@pytest.mark.parametrize("before", ["\n", "\t", "\x10", "\u4e2d", "\u00e9", "\U0001f4b3", "\\"])
def test_an_escape_in_front_hides_nothing_and_stays_whole(before):
    words = [f"{before}anna@example.com", f"{before}{CARD}", f"{before}sk_live_51H8abcdefghijk"]
    clean = json.loads(redact(json.dumps(words).encode()))
    assert clean == [f"{before}[email]", f"{before}{'*' * 16}", f"{before}[token]"]


def test_an_escaped_backslash_is_no_escape():
    body = b'{"a": "\\\\u0041"}'
    assert redact(body) == body


def test_a_bare_number_stays_a_number():
    assert json.loads(redact(b'{"a": 4111111111111111}')) == {"a": 9999999999999999}


@pytest.mark.parametrize(
    "harmless",
    ["1763800000000000", "2026-11-22T08:00:26.629214056Z", "4111111111111112", "cb42580115310acf"],
)
def test_times_and_ids_stay(harmless):
    body = json.dumps({"a": harmless}).encode()
    assert redact(body) == body


def test_mail_addresses_are_masked_also_escaped():
    assert redact(b'"anna.berg@example.com wrote"') == b'"[email] wrote"'
    assert redact(b'"anna\\u0040example.com"') == b'"[email]"'


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-123456789012-abcdefghijkl",
        "sk_live_51H8abcdefghijk",
        "ghp_abcdefghijklmnopqrstuvwxyz012345",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "tw_" + "a" * 49,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
    ],
)
def test_secrets_with_a_known_prefix_are_masked(secret):
    clean = redact(json.dumps({"a": f"used {secret} here"}).encode())
    assert json.loads(clean) == {"a": "used [token] here"}


def test_bearer_values_are_masked():
    assert redact(b'"Authorization: Bearer abcdefgh12345678"') == (
        b'"Authorization: Bearer [token]"'
    )


@pytest.mark.parametrize("name", ["firing", "resolved"])
def test_a_real_post_without_secrets_is_not_changed(name):
    body = shared(f"vectors/alertmanager/{name}.json").read_bytes()
    assert json.loads(redact(body)) == json.loads(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.from_regex(r"[0-9 \-]{10,24}"),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.booleans(),
)
def test_json_stays_json(value, ascii_only):
    told = json.loads(redact(json.dumps(value, ensure_ascii=ascii_only).encode()))
    # A number that looks like a card becomes a text; everything else keeps its kind.
    assert isinstance(told, (type(value), str))


@given(
    st.lists(
        st.sampled_from(
            ["\\u2222", "\\u0034", "\\n", "\\\\", "4111 1111 ", "1111", "a@b.c", "sk_live_", "é"]
        ),
        max_size=12,
    )
)
def test_escapes_and_digits_in_any_mix_stay_json(parts):
    once = redact(f'"{"".join(parts)}"'.encode())
    json.loads(once)
    assert redact(once) == once


@given(st.binary(max_size=500))
def test_any_bytes_can_be_redacted_and_again_changes_nothing(body):
    once = redact(body)
    assert redact(once) == once
