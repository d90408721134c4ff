r"""What a key's name says about its value, whatever the value looks like.

The names are regular expressions over the key's bytes. They are also handed to the sieve, which
looks for them in whole bodies: what a key can be judged for here, the sieve cannot miss.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from functools import lru_cache
from typing import Final


class KeyClass(Enum):
    """What has to be done with a value under such a key."""

    DROP = "drop"
    EMAIL = "email"
    PERSON = "person"
    IDENTIFIER = "identifier"
    PLAIN = "plain"


# Between two words of a name: nothing, a separator, or one character of UTF-8 that is no control.
_GAP = rb"[^a-z0-9\x00-\x1f]{0,4}"


def _name(words: str) -> bytes:
    """`card number` matches `card_number`, `cardNumber`, `CARD.NUMBER`, ..."""
    return _GAP.join(word.encode() for word in words.split())


def _any_of(*names: str) -> bytes:
    return b"|".join(_name(words) for words in names)


_CHECK_CODE = rb"c[^a-z0-9\x00-\x1f]?v[^a-z0-9\x00-\x1f]?[vcn]"
_CODE = _any_of("security code", "card verification", "verification value")
_CARD = _any_of(
    "card num",
    "cc num",
    "account number primary",
    "primary account number",
    "track data",
    "mag stripe",
    "pin block",
)
_CARD_SHORT = _any_of("card n[or]", "cc n[or]")
_CARD_LAST = _any_of("(?:credit|debit) card")
_SECRET = _any_of(
    "pass (?:word|wd|phrase)",
    "secret",
    "(?:api|private|access|signing|account) key",
    "(?:access|refresh|auth|session|id) token",
    "credential",
    "set cookie",
    "bearer",
    "connection string",
    "asp net session",
)
_SECRET_LAST = rb"token|cookies?|pwd|authorization|jsessionid|phpsessid"
_EMAIL = _any_of("e mail", "mail address")
_PERSON = _any_of("(?:enduser|user|customer) (?:id|name|full name)", "full name", "phone", "iban")
# Found inside of other words, so only whole words count.
_CARD_WORDS = frozenset({"pan", "track1", "track2", "csc", "cav2"})
_SECRET_WORDS = frozenset({"pin", "otp", "ssn"})

# For the sieve: what a key holds (in any case) if it is to be judged, and whole words.
SUSPICIOUS: Final = (
    _CHECK_CODE,
    _CODE,
    _CARD,
    _CARD_SHORT,
    _CARD_LAST,
    _SECRET,
    _SECRET_LAST,
    _EMAIL,
    _PERSON,
)
SUSPICIOUS_WORDS: Final = tuple(sorted(_CARD_WORDS | _SECRET_WORDS))

_FLAGS = re.IGNORECASE
_IS_CODE = re.compile(rb"(?<!re)(?:%s)|%s" % (_CHECK_CODE, _CODE), _FLAGS)
_IS_CARD = re.compile(rb"%s|(?:%s)(?![a-z])|(?:%s)\Z" % (_CARD, _CARD_SHORT, _CARD_LAST), _FLAGS)
_IS_SECRET = re.compile(rb"%s|(?:%s)\Z" % (_SECRET, _SECRET_LAST), _FLAGS)
_IS_EMAIL = re.compile(rb"(?:(?:%s)(?:%saddress)?)\Z" % (_EMAIL, _GAP), _FLAGS)
_IS_PERSON = re.compile(rb"(?:(?:%s)(?:%snumber)?)\Z" % (_PERSON, _GAP), _FLAGS)
# What is left of a card number after truncation, or only describes the card.
_CARD_HARMLESS = frozenset(
    {"last4", "lastfour", "four", "last", "type", "brand", "length", "valid", "bin", "present"}
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
# What stands in a key that held such a number: it names nothing, or a second look would drop more.
_MASKED = re.compile(r"\[(?:pan:[0-9]{4}|iban)\]")
_MAX_REMEMBERED = 256


def classify(key: str) -> KeyClass:
    """The class of a key, whatever its case, separators and prefixes."""
    return _remembered(key) if len(key) <= _MAX_REMEMBERED else _classify(key)


def _classify(key: str) -> KeyClass:
    plain = key if key.isascii() else unicodedata.normalize("NFKC", key)
    plain = _MASKED.sub("_", plain)
    words = [word for word in _NOT_WORD.split(_CAMEL.sub("_", plain).lower()) if word]
    if not words:
        return KeyClass.PLAIN
    name = plain.encode("utf-8", "surrogatepass")
    if _names_card_data(name, words) or _names_secret(name, words):
        return KeyClass.DROP
    if _IS_EMAIL.search(name):
        return KeyClass.EMAIL
    if _IS_PERSON.search(name):
        return KeyClass.PERSON
    return KeyClass.IDENTIFIER if words[-1].endswith("id") else KeyClass.PLAIN


# Longer keys are not kept in memory: a sender could fill it with them.
_remembered = lru_cache(maxsize=8192)(_classify)


def _names_card_data(name: bytes, words: list[str]) -> bool:
    if _IS_CODE.search(name) or "csc" in words or "cav2" in words:
        return True
    if words[-1] in _CARD_HARMLESS:
        return False
    return bool(_IS_CARD.search(name)) or not _CARD_WORDS.isdisjoint(words)


def _names_secret(name: bytes, words: list[str]) -> bool:
    return words[-1] in _SECRET_WORDS or bool(_IS_SECRET.search(name))
