"""The text forms of secrets: tokens with prefix and checksum, cookies, CSRF values. Pure but for
the random source.

A token is `tw_` + 43 characters of 256 random bits + 6 characters of CRC-32, all of [0-9A-Za-z]:
secret scanners can find it and a typing error is told apart from an unknown token.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import zlib

PREFIX = "tw_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY_CHARS = 43
_CHECK_CHARS = 6
_TOKEN_CHARS = len(PREFIX) + _BODY_CHARS + _CHECK_CHARS


def new_token() -> str:
    """A fresh token; it is shown once and never stored."""
    body = _base62(secrets.randbits(256), _BODY_CHARS)
    return PREFIX + body + _checksum(body)


def new_cookie() -> str:
    """A fresh session cookie value."""
    return secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """True where prefix, length and checksum fit: it may be one of ours."""
    if len(text) != _TOKEN_CHARS or not text.startswith(PREFIX) or not text.isascii():
        return False
    body = text[len(PREFIX) : -_CHECK_CHARS]
    return hmac.compare_digest(_checksum(body), text[-_CHECK_CHARS:])


def hash_of(secret: str) -> str:
    """SHA-256 as hex. Enough for 256 random bits: there is nothing to guess and so no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def csrf_of(cookie: str) -> str:
    """The CSRF value of a session: known only to who knows the cookie, stored nowhere."""
    return hmac.new(
        cookie.encode("utf-8", "surrogatepass"), b"tillwatch csrf", "sha256"
    ).hexdigest()


def same(left: str, right: str) -> bool:
    """Constant-time comparison of any two texts."""
    return hmac.compare_digest(
        left.encode("utf-8", "surrogatepass"), right.encode("utf-8", "surrogatepass")
    )


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_CHARS)


def _base62(value: int, width: int) -> str:
    digits = []
    for _ in range(width):
        value, index = divmod(value, 62)
        digits.append(_ALPHABET[index])
    return "".join(reversed(digits))
