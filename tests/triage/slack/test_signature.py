"""Who may call himself Slack."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triage.slack.signature import refusal

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW_S = 1_531_420_618
BODY = b"payload=%7B%7D"


def _sign(body: bytes, timestamp: str) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(SECRET.encode(), base, hashlib.sha256).hexdigest()


def _refusal(body: bytes = BODY, timestamp: str | None = None, **changed: object) -> str:
    timestamp = timestamp if timestamp is not None else str(NOW_S)
    signature = changed.get("signature", _sign(BODY, timestamp))
    return refusal(
        body,
        secret=SECRET,
        timestamp=timestamp,
        signature=signature,  # type: ignore[arg-type]
        now_s=int(changed.get("now_s", NOW_S)),  # type: ignore[call-overload]
    )


def test_a_signed_request_is_slacks() -> None:
    assert _refusal() == ""


@pytest.mark.parametrize("off_s", [-301, 301])
def test_a_request_more_than_five_minutes_off_is_refused_on_both_sides(off_s: int) -> None:
    assert "five minutes" in _refusal(now_s=NOW_S + off_s)


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_request_at_the_edge_of_five_minutes_is_taken(off_s: int) -> None:
    assert _refusal(now_s=NOW_S + off_s) == ""


@given(st.integers(0, len(BODY) * 8 - 1))
def test_any_flipped_bit_in_the_body_is_refused(bit: int) -> None:
    changed = bytearray(BODY)
    changed[bit // 8] ^= 1 << bit % 8
    assert "does not match" in _refusal(bytes(changed))


@pytest.mark.parametrize("timestamp", ["abc", "", "-1", "1e9", "9" * 5000, "\uff11\uff15\uff13"])
def test_an_odd_timestamp_is_refused_and_never_an_exception(timestamp: str) -> None:
    assert _refusal(timestamp=timestamp, signature="v0=00") != ""


@given(st.text())
def test_any_signature_text_but_the_right_one_is_refused(signature: str) -> None:
    assert _refusal(signature=signature) != ""
