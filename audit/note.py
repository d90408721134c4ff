"""C2SP signed notes, verifier keys and checkpoints (c2sp.org/signed-note, tlog-checkpoint).

Ed25519 only (signature type 0x01). A checkpoint's body is `origin`, size and base64 root, with no
extension lines. Every parser here refuses a second spelling of the same thing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from audit.merkle import HASH_BYTES
from kernel.errors import BadInput

_ED25519: Final = b"\x01"
_SIGNATURE_BYTES: Final = 64
_KEY_BYTES: Final = 32
_MAX_NOTE_BYTES: Final = 256 * 1024
_MAX_STATEMENT_BYTES: Final = 1024 * 1024
_MAX_SIGNATURES: Final = 64
_NAME: Final = re.compile(r"[^\s+]{1,200}\Z")
_SIZE: Final = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z")
_PRIVATE: Final = "PRIVATE+KEY"


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name. `key_id` is the first 4 bytes of the spec's SHA-256."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """4 bytes: SHA-256(name || 0x0A || 0x01 || public)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        """The vkey text `name+id+base64(0x01 || public)`."""
        encoded = base64.b64encode(_ED25519 + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


@dataclass(frozen=True)
class SignerKey:
    """A private key: 32 bytes of seed and the name it signs under."""

    name: str
    seed: bytes

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw()
        return VerifierKey(self.name, public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes of Ed25519 signature."""
        return Ed25519PrivateKey.from_private_bytes(self.seed).sign(message)

    def __repr__(self) -> str:
        return f"SignerKey(name={self.name!r})"

    def text(self) -> str:
        """The secret's text form, as other tools for signed notes write it."""
        encoded = base64.b64encode(_ED25519 + self.seed).decode()
        return f"{_PRIVATE}+{self.name}+{self.verifier.key_id.hex()}+{encoded}"


@dataclass(frozen=True)
class Checkpoint:
    """A tree head: `root` is the RFC 6962 hash of the first `size` leaves of the log `origin`."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The note text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_vkey(text: str) -> VerifierKey:
    """A verifier key of its text. Raises BadInput."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3:
        raise BadInput("a verifier key is name+id+key", path="vkey")
    key = VerifierKey(_checked_name(parts[0]), _key_bytes(parts[2]))
    if parts[1] != key.key_id.hex():
        raise BadInput("the verifier key's id does not fit its name and key", path="vkey")
    return key


def parse_signer(text: str) -> SignerKey:
    """A signing key of its secret text. Raises BadInput (which never shows the secret)."""
    head, _, rest = text.strip().partition(f"{_PRIVATE}+")
    parts = rest.split("+", 2)
    if head or len(parts) != 3:
        raise BadInput("not a signing key", path="audit.key")
    key = SignerKey(_checked_name(parts[0]), _key_bytes(parts[2]))
    if parts[1] != key.verifier.key_id.hex():
        raise BadInput("the signing key's id does not fit its name and key", path="audit.key")
    return key


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """True where the signature is good (RFC 8032). Wrong lengths are just not good."""
    if len(public) != _KEY_BYTES or len(signature) != _SIGNATURE_BYTES:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def sign_note(text: str, key: SignerKey) -> bytes:
    """A note with one signature."""
    return _with_signature(text, key.verifier, key.sign(text.encode()))


def open_note(note: bytes, key: VerifierKey, *, max_bytes: int = _MAX_NOTE_BYTES) -> str:
    """The text of a note that `key` signed; signatures of unknown keys are ignored.

    Raises BadInput where the form is wrong, the key's signature is missing or any of its
    signatures is not good.
    """
    text, signatures = _split_note(note, max_bytes)
    ours = [raw for name, raw in signatures if name == key.name and raw[:4] == key.key_id]
    if not ours:
        raise BadInput(f"not signed by {key.name}", path="note")
    if not all(verify_ed25519(key.public, text.encode(), raw[4:]) for raw in ours):
        raise BadInput(f"the signature of {key.name} is not good", path="note")
    return text


def sign_checkpoint(checkpoint: Checkpoint, key: SignerKey) -> bytes:
    """The checkpoint as a signed note."""
    return sign_note(checkpoint.text(), key)


def open_checkpoint(note: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint of a signed note. Raises BadInput; the origin must be the key's name."""
    lines = open_note(note, key).split("\n")
    if len(lines) != 4 or lines[3]:
        raise BadInput("a checkpoint has three lines: origin, size and root", path="note")
    if lines[0] != key.name:
        raise BadInput(f"a checkpoint of another log: {lines[0][:100]}", path="note")
    if not _SIZE.match(lines[1]):
        raise BadInput("the checkpoint's size is no plain decimal number", path="note")
    root = _base64(lines[2])
    if len(root) != HASH_BYTES:
        raise BadInput("the checkpoint's root is not 32 bytes", path="note")
    return Checkpoint(lines[0], int(lines[1]), root)


def sign_statement(kind: str, body: str, key: SignerKey) -> bytes:
    """A note under the log's key that says something else than a checkpoint.

    Its first line is `<name of the key>/<kind>`; a checkpoint's is the name alone, so that neither
    can be taken for the other, nor a statement for one of another kind.
    """
    return sign_note(f"{key.name}/{kind}\n{body}", key)


def open_statement(note: bytes, kind: str, key: VerifierKey) -> str:
    """The body of a statement of this kind that `key` signed. Raises BadInput."""
    head, _, body = open_note(note, key, max_bytes=_MAX_STATEMENT_BYTES).partition("\n")
    if head != f"{key.name}/{kind}":
        raise BadInput(f"not a {kind} of {key.name}: {head[:100]}", path="note")
    return body


def is_sole_form(note: bytes, key: VerifierKey) -> bool:
    """True where the note is what `sign_note` makes, byte for byte: one signature, no more."""
    text, signatures = _split_note(note)
    return len(signatures) == 1 and note == _with_signature(text, key, signatures[0][1][4:])


def _with_signature(text: str, key: VerifierKey, signature: bytes) -> bytes:
    encoded = base64.b64encode(key.key_id + signature).decode()
    return f"{text}\n\u2014 {key.name} {encoded}\n".encode()


def _split_note(
    note: bytes, max_bytes: int = _MAX_NOTE_BYTES
) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note) > max_bytes:
        raise BadInput(f"a note of more than {max_bytes // 1024} KiB", path="note")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"the note is not UTF-8 at byte {error.start}", path="note") from None
    if any(char < " " and char != "\n" for char in whole):
        raise BadInput("the note holds a control character", path="note")
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or not head:
        raise BadInput("a note is text, an empty line and signature lines", path="note")
    lines = tail[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise BadInput("a note with more than 64 signatures", path="note")
    return head + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\u2014":
        raise BadInput("a signature line is a dash, a name and base64", path="note")
    raw = _base64(parts[2])
    if len(raw) < 5:
        raise BadInput("a signature line that is too short", path="note")
    return _checked_name(parts[1]), raw


def _checked_name(name: str) -> str:
    if not _NAME.match(name):
        raise BadInput("a key name has neither spaces nor plus signs", path="name")
    return name


def _key_bytes(text: str) -> bytes:
    raw = _base64(text)
    if len(raw) != 1 + _KEY_BYTES or raw[:1] != _ED25519:
        raise BadInput("not an Ed25519 key", path="key")
    return raw[1:]


def _base64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadInput("not base64", path="note") from None
    if base64.b64encode(raw).decode() != text:
        raise BadInput("base64 with stray bits", path="note")
    return raw
