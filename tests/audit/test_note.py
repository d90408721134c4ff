"""Signed notes and checkpoints against the specification's example and public vectors."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.merkle import leaf_hash
from audit.note import (
    Checkpoint,
    SignerKey,
    is_sole_form,
    open_checkpoint,
    open_note,
    parse_signer,
    parse_vkey,
    sign_checkpoint,
    sign_note,
    verify_ed25519,
)
from kernel.errors import BadInput
from tests.shared_data import shared

KEY = SignerKey("tillwatch.example/audit", bytes(range(32)))
OTHER = SignerKey("witness.example", bytes(reversed(range(32))))
HEAD = Checkpoint(KEY.name, 7, leaf_hash(b"root"))


def test_all_public_ed25519_vectors_get_their_verdict():
    path = shared("vectors/wycheproof/testvectors_v1/ed25519_test.json")
    count = 0
    for group in json.loads(path.read_text())["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            good = verify_ed25519(public, message, signature)
            assert good is (case["result"] == "valid"), case["tcId"]
            count += 1
    assert count == 151


def test_a_key_id_is_the_one_of_the_go_checksum_database():
    # Published in golang.org/x/mod/sumdb/note: name, id and key of a known verifier.
    known = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert str(parse_vkey(known)) == known


def test_keys_survive_their_text_form():
    assert parse_vkey(str(KEY.verifier)) == KEY.verifier
    assert parse_signer(KEY.text()) == KEY
    assert KEY.seed.hex() not in repr(KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        "name+00000000+" + str(KEY.verifier).split("+", 2)[2],
        "a b+c+d",
        str(KEY.verifier)[:-4],
    ],
)
def test_broken_verifier_keys_are_refused(text: str):
    with pytest.raises(BadInput):
        parse_vkey(text)


def test_a_checkpoint_comes_back_as_it_was_signed():
    note = sign_checkpoint(HEAD, KEY)
    assert open_checkpoint(note, KEY.verifier) == HEAD
    assert is_sole_form(note, KEY.verifier)
    assert note.decode().splitlines()[0] == KEY.name


@given(st.integers(0, 2000), st.integers(0, 7))
def test_no_flipped_bit_of_a_checkpoint_goes_unseen(place: int, bit: int):
    note = bytearray(sign_checkpoint(HEAD, KEY))
    note[place % len(note)] ^= 1 << bit
    with pytest.raises(BadInput):
        open_checkpoint(bytes(note), KEY.verifier)


def test_a_cosigned_note_verifies_but_is_not_the_form_we_store():
    note = sign_checkpoint(HEAD, KEY)
    cosigned = note + sign_checkpoint(HEAD, OTHER).split(b"\n\n")[1]
    assert open_checkpoint(cosigned, KEY.verifier) == HEAD
    assert not is_sole_form(cosigned, KEY.verifier)


def test_a_note_signed_by_somebody_else_is_refused():
    with pytest.raises(BadInput, match="not signed by"):
        open_note(sign_note("text\n", OTHER), KEY.verifier)


@pytest.mark.parametrize(
    "text",
    [
        f"{KEY.name}\n07\n{{root}}\n",
        f"{KEY.name}\n-1\n{{root}}\n",
        f"{KEY.name}\n7\n{{root}}\nextension\n",
        f"{KEY.name}\n7\nAAAA\n",
        "another.example/log\n7\n{root}\n",
        f"{KEY.name}\n7\n",
    ],
)
def test_other_forms_of_a_checkpoint_are_refused(text: str):
    note = sign_note(text.format(root=HEAD.text().splitlines()[2]), KEY)
    with pytest.raises(BadInput):
        open_checkpoint(note, KEY.verifier)
