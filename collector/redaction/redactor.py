"""The redactor: masks text, judges values by their keys, walks documents."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import unquote

from collector.redaction.iban import mask_ibans
from collector.redaction.keys import KeyClass, classify
from collector.redaction.lookalikes import folded
from collector.redaction.pan import find_pans, is_pan
from collector.redaction.secret_kinds import mask_secrets
from collector.redaction.sieve import Form, sieve_for
from kernel.errors import Unavailable

# The last label is letters (or punycode): `payments@1.2.3` is a version, not an address.
_EMAIL = re.compile(r"[\w.%+'-]{1,64}@(?:[\w-]{1,63}\.){1,8}(?:xn--[\w-]{2,59}|[^\W\d_]{2,63})")
# Not of surrogates: half a character is no text.
_ESCAPE = re.compile(r"\\u(?![dD][89A-Fa-f])([0-9A-Fa-f]{4})")
# A card's check code that a text names: `cvv=123`, `"cvc":"123"`, `CVV2 code is 123`.
_NAMES_CODE = re.compile(r"[cC][vV][vVcCnN]")
_CODE = re.compile(
    r"((?:cvv|cvc|cvn)2?(?![a-z])(?:[^a-z0-9]{0,8}(?:code|number|value|is|was)){0,2}[^a-z0-9]{1,32})"
    r"[0-9]{3,4}(?![0-9])",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"\[(?:email|user|id):[0-9a-f]{16}\]\Z")
_ROUNDS = 4
_CACHED_CHARS = 256
_SHORT = 10**12
_PAN_MIN = 13
_MAX_HARMLESS = 8192
_HARMLESS = frozenset({KeyClass.PLAIN, KeyClass.IDENTIFIER})
_TEXTS = sieve_for(Form.TEXT)
_FAULTS = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)

Scalar = str | int | float | bool | None


class _Dropped(Enum):
    DROPPED = "dropped"


DROPPED: Final = _Dropped.DROPPED
Dropped = Literal[_Dropped.DROPPED]


class RedactionFailed(Unavailable):
    """The redactor could not judge a value, so nothing of it may be stored."""


@contextmanager
def failing_closed() -> Iterator[None]:
    """Turn any fault of the walk into RedactionFailed: 503, and nothing is stored."""
    try:
        yield
    except _FAULTS as error:
        raise RedactionFailed(
            f"redaction failed ({type(error).__name__}), so nothing was stored",
            hint="send it again; if it keeps failing, leave out the newest field",
        ) from error


class Redactor:
    """Masks by one installation's key. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        """`key`: at least 16 secret bytes; tokens made with another key do not join."""
        if len(key) < 16:
            raise ValueError("the redaction key needs at least 16 bytes")
        self._key = key
        self._cached = lru_cache(maxsize=16_384)(self._masked)
        self._judged = lru_cache(maxsize=8192)(self._judged_key)
        self._harmless: set[str] = set()

    def key(self, key: str) -> tuple[KeyClass, str]:
        """What a key says of its value, and the key as it may be stored."""
        return self._judged(key) if len(key) <= _CACHED_CHARS else self._judged_key(key)

    def text(self, text: str, *, identifier: bool = False) -> str:
        """`text` with card numbers and e-mail addresses masked, also through escapes.

        `identifier`: a card-like number becomes a keyed token that is still one to one.
        """
        if _is_plain(text):
            return text
        if len(text) <= _CACHED_CHARS:
            return self._cached(text, identifier)
        return self._masked(text, identifier)

    def value(self, key: str, value: Scalar) -> Scalar | Dropped:
        """A scalar under its key: masked, made a token, or DROPPED."""
        kind = classify(key)
        if kind is KeyClass.DROP:
            return DROPPED
        if value is None or isinstance(value, bool) or value == "":
            return value
        if kind in (KeyClass.EMAIL, KeyClass.PERSON):
            return self._person(kind, str(value))
        identifier = kind is KeyClass.IDENTIFIER
        if isinstance(value, str):
            return self.text(value, identifier=identifier)
        if 10**12 <= abs(value) < 10**19 and value == int(value):
            for digits in _written(value):
                if is_pan(digits):
                    return self._pan_token(digits, identifier)
        return value

    def identity(self, raw: bytes) -> bytes:
        """An id of OTLP, as it may be stored: random bytes are; a card number becomes a digest.

        The digest is as long as the id was (up to 32 bytes) and the same for the same number.
        """
        if len(raw) < _PAN_MIN or not raw.isascii() or not find_pans(raw.decode()):
            return raw
        return bytes.fromhex(self.digest(raw))[: len(raw)]

    def document(self, document: Any) -> Any:
        """A decoded JSON document with every key and value judged; never changed in place.

        A document with nothing to judge is returned as it is.
        """
        with failing_closed():
            if self._is_harmless(document):
                return document
            redacted = self._walk("", document)
            return None if redacted is DROPPED else redacted

    def digest(self, data: bytes) -> str:
        """Keyed digest (hex) of what is not kept."""
        return hmac.new(self._key, b"digest\0" + data, hashlib.sha256).hexdigest()

    def _judged_key(self, key: str) -> tuple[KeyClass, str]:
        return classify(key), self.text(key)

    def _is_harmless(self, document: Any) -> bool:
        """True only where the walk would change nothing, found by one look at all texts together.

        Objects of harmless keys with short numbers and plain texts; all else is left to the walk.
        """
        texts: list[str] = []
        objects = [document] if type(document) is dict else []
        for node in objects:
            if not (node.keys() <= self._harmless or self._are_harmless(node)):
                return False
            for child in node.values():
                kind = type(child)
                if kind is str:
                    texts.append(child)
                elif kind is dict:
                    objects.append(child)
                elif not _is_short(child):
                    return False
        text = "\n".join(texts)
        return bool(objects) and _is_plain(text)

    def _are_harmless(self, keys: Iterable[str]) -> bool:
        """Ask for each key, and remember those of ordinary length that change nothing."""
        for key in keys:
            kind, masked = self.key(key)
            if kind not in _HARMLESS or masked != key or len(key) > _CACHED_CHARS:
                return False
            if len(self._harmless) >= _MAX_HARMLESS:
                self._harmless = set()
            self._harmless.add(key)
        return True

    def _walk(self, key: str, node: Any) -> Any:
        if isinstance(node, dict):
            return self._walk_object(key, node)
        if isinstance(node, list):
            if key and classify(key) is KeyClass.DROP:
                return DROPPED
            children = (self._walk(key, child) for child in node)
            return [child for child in children if child is not DROPPED]
        return self.value(key, node)

    def _walk_object(self, key: str, node: dict[str, Any]) -> Any:
        if key and classify(key) is KeyClass.DROP:
            return DROPPED
        found: dict[str, Any] = {}
        for name, child in node.items():
            kind, masked_name = self.key(name)
            # The common case in line: a plain text without anything to look at.
            if (
                (kind is KeyClass.PLAIN or kind is KeyClass.IDENTIFIER)
                and type(child) is str
                and _is_plain(child)
            ):
                found[masked_name] = child
                continue
            judged = self._walk(name, child)
            if judged is not DROPPED:
                found[masked_name] = judged
        return found

    def _masked(self, text: str, identifier: bool) -> str:
        result = form = self._mask(text, identifier=identifier)
        for _ in range(_ROUNDS):
            unfolded = _unfold(form)
            if unfolded == form:
                break
            form = self._mask(unfolded, identifier=identifier)
            if form != unfolded:
                result = form
        return result

    def _mask(self, text: str, *, identifier: bool) -> str:
        text = mask_ibans(mask_secrets(text))
        hits = find_pans(text)
        if hits:
            parts: list[str] = []
            at = 0
            for start, end, digits in hits:
                parts += [text[at:start], self._pan_token(digits, identifier)]
                at = end
            text = "".join([*parts, text[at:]])
        if "@" in text:
            text = _EMAIL.sub(lambda match: self._token("email", match[0]), text)
        if _NAMES_CODE.search(text):
            text = _CODE.sub(r"\1[code]", text)
        return text

    def _person(self, kind: KeyClass, value: str) -> str:
        if _TOKEN.match(value):
            return value
        return self._token("email" if kind is KeyClass.EMAIL else "user", value)

    def _pan_token(self, digits: str, identifier: bool) -> str:
        return self._token("id", digits) if identifier else f"[pan:{digits[-4:]}]"

    def _token(self, kind: str, value: str) -> str:
        message = f"{kind}\0{value.strip().lower()}".encode()
        return f"[{kind}:{hmac.new(self._key, message, hashlib.sha256).hexdigest()[:16]}]"


def _written(value: float) -> Iterator[str]:
    """The digits of a whole number, of either sign.

    A double beyond 2^53 stands for all numbers that are nearer to it than to the next one: with
    17 digits and more some of them always has the right check digit.
    """
    whole = abs(int(value))
    reach = int(math.ulp(value) / 2) if isinstance(value, float) else 0
    yield str(whole)
    for away in range(1, reach + 1):
        yield str(whole - away)
        yield str(whole + away)


def _is_short(value: Any) -> bool:
    """True for null, truth values and numbers with fewer digits than a card has."""
    return value is None or (type(value) in (bool, int, float) and -_SHORT < value < _SHORT)


def _is_plain(text: str) -> bool:
    """Nothing in it could have to be masked."""
    return _TEXTS.is_clean(text.encode())


def _unfold(text: str) -> str:
    """One layer less: compatibility forms, look-alikes, percent and JSON escapes."""
    if not text.isascii():
        text = folded(text)
    if "%" in text:
        text = unquote(text)
    if "\\u" in text:
        text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return text
