"""What a key's name says about its value, whatever the value looks like."""

from __future__ import annotations

import itertools
import re
import unicodedata
from enum import Enum
from functools import lru_cache


class KeyClass(Enum):
    """What has to be done with a value under such a key."""

    DROP = "drop"
    EMAIL = "email"
    PERSON = "person"
    IDENTIFIER = "identifier"
    PLAIN = "plain"


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_CVV = ("cvv", "cvc", "cvn", "securitycode", "cardverification", "verificationvalue")
_CVV_WORDS = frozenset({"csc", "cav2"})
_CARD = (
    "cardnumber",
    "cardnum",
    "creditcardno",
    "ccnumber",
    "ccnum",
    "accountnumberprimary",
    "primaryaccountnumber",
    "trackdata",
    "magstripe",
    "pinblock",
)
_CARD_ENDS = ("creditcard", "debitcard")
_CARD_WORDS = frozenset({"pan", "track1", "track2"})
_CARD_PAIRS = frozenset({("card", "no"), ("card", "nr"), ("cc", "no"), ("cc", "nr")})
# What is left of a card number after truncation, or only describes the card.
_CARD_HARMLESS = frozenset(
    {"last4", "lastfour", "four", "last", "type", "brand", "length", "valid", "bin", "present"}
)
_SECRET = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "privatekey",
    "accesskey",
    "accesstoken",
    "refreshtoken",
    "authtoken",
    "sessiontoken",
    "idtoken",
    "credential",
    "setcookie",
    "bearer",
)
_SECRET_LAST = frozenset({"token", "cookie", "cookies", "pwd", "pin", "authorization"})
_EMAIL_ENDS = ("email", "emailaddress", "mailaddress")
_MAX_REMEMBERED = 256
_PERSON = frozenset({"enduserid", "userid", "username", "userfullname", "phone", "phonenumber"})
_PERSON_PAIRS = frozenset(
    {
        ("enduser", "id"),
        ("user", "id"),
        ("customer", "id"),
        ("user", "name"),
        ("full", "name"),
        ("customer", "name"),
        ("phone", "number"),
    }
)


def classify(key: str) -> KeyClass:
    """The class of a key, whatever its case, separators and prefixes."""
    return _remembered(key) if len(key) <= _MAX_REMEMBERED else _classify(key)


def _classify(key: str) -> KeyClass:
    words = _words(key)
    if not words:
        return KeyClass.PLAIN
    joined = "".join(words)
    if _names_card_data(words, joined) or _names_secret(words, joined):
        return KeyClass.DROP
    if joined.endswith(_EMAIL_ENDS):
        return KeyClass.EMAIL
    if joined in _PERSON or tuple(words[-2:]) in _PERSON_PAIRS:
        return KeyClass.PERSON
    return KeyClass.IDENTIFIER if joined.endswith("id") else KeyClass.PLAIN


# Longer keys are not kept in memory: a sender could fill it with them.
_remembered = lru_cache(maxsize=8192)(_classify)


def _words(key: str) -> list[str]:
    plain = key if key.isascii() else unicodedata.normalize("NFKC", key)
    return [word for word in _NOT_WORD.split(_CAMEL.sub("_", plain).lower()) if word]


def _names_card_data(words: list[str], joined: str) -> bool:
    if any(part in joined for part in _CVV) or not _CVV_WORDS.isdisjoint(words):
        return True
    if words[-1] in _CARD_HARMLESS:
        return False
    return (
        any(part in joined for part in _CARD)
        or joined.endswith(_CARD_ENDS)
        or not _CARD_WORDS.isdisjoint(words)
        or any(pair in _CARD_PAIRS for pair in itertools.pairwise(words))
    )


def _names_secret(words: list[str], joined: str) -> bool:
    return words[-1] in _SECRET_LAST or any(part in joined for part in _SECRET)
