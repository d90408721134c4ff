"""HMAC-SHA256 signatures as base64 text, compared as text.

Compared before decoding: the last letter of 44 has two bits that mean nothing, and a signature
that differs in them is not the one that was sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

from kernel.errors import BadInput


def signature(key: bytes, message: bytes) -> str:
    """base64(HMAC-SHA256(key, message))."""
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def fits(given: str, keys: Iterable[bytes], message: bytes) -> bool:
    """True where one of the keys makes the given text of this message. Constant in time per key.

    `given` may hold any characters: it is compared as bytes.
    """
    wanted = given.encode("utf-8", "surrogatepass")
    results = [hmac.compare_digest(signature(key, message).encode(), wanted) for key in keys]
    return any(results)


def base64_key(text: str, what: str) -> bytes:
    """The bytes of a base64 secret (padding may be missing). Raises BadInput, without the text."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadInput(f"{what} is base64", hint="copy it again, whole") from None
