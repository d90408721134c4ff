"""What is stored of a post of alerts, whatever its writers do to hide what must not be stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.redaction import RedactionFailed, Redactor
from tests.triage.desk import alert, post
from triage.alertmanager import parse
from triage.post_redaction import redact

T = 1_795_000_000_000_000
REDACTOR = Redactor(b"a key of sixteen bytes or more")
CARD = "4242424242424242"
WIDE = CARD.translate({48 + digit: 0xFF10 + digit for digit in range(10)})


class Broken(Redactor):
    """A redactor that can judge nothing."""

    def document(self, document: Any) -> Any:
        raise RedactionFailed("no")


def test_a_post_with_nothing_to_mask_is_stored_as_it_came():
    body = post(alert("f1", T, detail="checkout at 100%"))
    assert redact(body, REDACTOR) == body


@pytest.mark.parametrize(
    "hidden",
    [
        WIDE,
        "4242%204242%204242%204242",
        "4242%25204242%25204242%25204242",
        "4242\u20094242\u20094242\u20094242",
        "4242\u200b4242\u200b4242\u200b4242",
        "4242\u20134242\u20134242\u20134242",
        " ".join(CARD),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_no_card_number_reaches_the_disk_in_any_disguise(hidden, ensure_ascii):
    document = json.loads(post(alert("f1", T, detail=f"card {hidden} of a customer")))
    stored = redact(json.dumps(document, ensure_ascii=ensure_ascii).encode(), REDACTOR)
    (told,) = parse(stored).deliveries
    assert "[pan:4242]" in told.labels["detail"]
    assert told.fingerprint == "f1"


@pytest.mark.parametrize("mail", ["anna%40example.com", "anna\uff20example.com"])
def test_no_mail_address_reaches_the_disk_in_any_disguise(mail):
    stored = redact(post(alert("f1", T, detail=mail)), REDACTOR)
    assert b"anna" not in stored


def test_labels_named_after_secrets_go():
    stored = redact(post(alert("f1", T, cvv="123", password="hunter2")), REDACTOR)
    (told,) = parse(stored).deliveries
    assert told.labels.keys() == {"alertname", "severity"}


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"alerts": 7}', b"7"])
def test_what_is_no_post_is_left_to_the_byte_rules(body):
    assert redact(body, REDACTOR) == body


def test_bytes_of_no_encoding_are_kept_as_what_reads_as_text():
    assert redact(b"\xffdown", REDACTOR).decode() == "\N{REPLACEMENT CHARACTER}down"


def test_where_the_redactor_fails_the_page_still_comes():
    body = post(alert("f1", T, service="payments", detail="anything"), "no alert")
    stored = redact(body, Broken(b"a key of sixteen bytes or more"))
    assert b"anything" not in stored
    batch = parse(stored)
    (told,) = batch.deliveries
    assert told.key == ("alertmanager", "f1", T)
    assert told.labels == {
        "alertname": "PaymentBurnFast",
        "severity": "page",
        "service": "payments",
    }
    assert [one.index for one in batch.broken] == [1]
