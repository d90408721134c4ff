"""A signed count is checked with the public key alone, and any change of it is found."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.note import Checkpoint, SignerKey, open_checkpoint, parse_vkey, sign_statement
from collector.counts import statement
from kernel.errors import BadInput
from kernel.journal import Counts, ItemClass, Tally

KEY = SignerKey("shop.example/audit", bytes(range(32)))
VKEY = str(KEY.verifier)


def tally(source: str = "web", item_class: ItemClass = ItemClass.MONEY, **counts: int) -> Tally:
    return Tally(0, "token", source, item_class, Counts(**counts))


def signed(*tallies: Tally, sender: str = "token") -> bytes:
    return sign_statement(statement.KIND, statement.body_of("2026-11-24", sender, tallies), KEY)


NOTE = signed(
    tally(stored=74, rejected=1, duplicate=3, first_position=17, last_position=90),
    tally(item_class=ItemClass.DEBUG_LOG, shed=5),
)


def test_the_count_reads_back_with_the_public_key_alone():
    said = statement.read(NOTE, parse_vkey(VKEY))
    assert (said["day"], said["sender"]) == ("2026-11-24", "token")
    money, debug = said["counts"]
    assert money == {
        "source": "web",
        "class": "money",
        "stored": 74,
        "rejected": 1,
        "duplicate": 3,
        "shed": 0,
        "first_position": 17,
        "last_position": 90,
    }
    assert (debug["class"], debug["shed"]) == ("debug_log", 5)


def test_it_is_plain_ed25519_over_the_text_that_anybody_can_read():
    text, _, tail = NOTE.decode().rpartition("\n\n")
    raw = base64.b64decode(tail.split(" ")[2])
    public = base64.b64decode(VKEY.split("+", 2)[2])[1:]
    Ed25519PublicKey.from_public_bytes(public).verify(raw[4:], f"{text}\n".encode())
    head, *lines = text.split("\n")
    assert head == "shop.example/audit/daily-count"
    assert [json.loads(line).get("stored") for line in lines] == [None, 74, 0]


@given(at=st.integers(0, len(NOTE) - 1), change=st.integers(1, 255))
def test_a_change_of_any_byte_is_found(at, change):
    bent = bytearray(NOTE)
    bent[at] ^= change
    with pytest.raises(BadInput):
        statement.read(bytes(bent), parse_vkey(VKEY))


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"stored":74', b'"stored":75'), (b'"day":"2026-11-24"', b'"day":"2026-11-25"')],
)
def test_a_changed_count_or_day_is_found(old, new):
    assert old in NOTE
    with pytest.raises(BadInput, match="not good"):
        statement.read(NOTE.replace(old, new), parse_vkey(VKEY))


def test_the_count_of_another_log_is_refused():
    other = SignerKey("other.example/audit", bytes(32)).verifier
    with pytest.raises(BadInput, match="not signed by"):
        statement.read(NOTE, other)


def test_neither_a_checkpoint_nor_another_statement_passes_for_a_count():
    with pytest.raises(BadInput, match="not a daily-count"):
        statement.read(sign_statement("other", "x\n", KEY), KEY.verifier)
    body = Checkpoint(KEY.name, 1, bytes(32)).text()
    with pytest.raises(BadInput, match="three lines"):
        open_checkpoint(sign_statement(statement.KIND, body, KEY), KEY.verifier)


names = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)


@settings(max_examples=50)
@given(sender=names, sources=st.lists(names, max_size=5))
def test_names_of_any_characters_survive(sender, sources):
    note = signed(*[tally(source, stored=1) for source in sources], sender=sender)
    said = statement.read(note, KEY.verifier)
    assert said["sender"] == sender
    assert [row["source"] for row in said["counts"]] == sources


def test_the_largest_count_of_a_sender_can_be_signed_and_read():
    rows = [
        tally(f"{number:04}" + "\U0001f6d2" * 196, one, stored=1, first_position=1 << 52)
        for number in range(501)
        for one in (ItemClass.MONEY, ItemClass.BUSINESS)
    ]
    assert len(statement.read(signed(*rows), KEY.verifier)["counts"]) == 1002
