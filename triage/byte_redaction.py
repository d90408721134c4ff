r"""Masks secrets and personal data in a body's bytes, readable or not. Pure, linear in the size.

Applied before anything is stored, also to bodies that cannot be parsed. JSON stays JSON: escaped
characters are written out first (`\u0034` is `4`: the same document), digits inside a string
become `*`, digits of a bare number become `9`.

Rules: card-like digit runs (13-19 digits, in groups or not, starting with 2-6, Luhn checksum
right), e-mail shapes, and secrets with a known prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

# Passes over escapes first: the `n` of `\n` is no letter of the word behind it.
_SKIP = rb"\\(?:u[0-9a-fA-F]{4}|.)"
_ESCAPE = re.compile(
    rb"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|.)",
    re.DOTALL,
)
# What is masked may have been glued to a token, which is a word of its own only then.
_ROUNDS = 4
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_GROUPED = re.compile(
    _SKIP + rb"|(?P<region>[0-9]{2,}+(?:(?:[ -]|\xc2\xa0)[0-9]{2,}+)*+)", re.DOTALL
)
_GROUP = re.compile(rb"[0-9]+")
_LOCAL = rb"[A-Za-z0-9._%+\-]++"
_EMAIL = re.compile(
    _SKIP + rb"|(?P<mail>" + _LOCAL + rb"@[A-Za-z0-9\-]++(?:\.[A-Za-z0-9\-]++)++)|" + _LOCAL,
    re.DOTALL,
)
_SECRET = re.compile(
    _SKIP + rb"|(?P<token>"
    rb"xox[abeprs]-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{8,}"
    rb"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9+/=]{8,}"
    rb"|sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}"
    rb"|glpat-[A-Za-z0-9_-]{16,}|AKIA[0-9A-Z]{12,}|ASIA[0-9A-Z]{12,}|AIza[A-Za-z0-9_-]{20,}"
    rb"|tw_[A-Za-z0-9]{40,}|npm_[A-Za-z0-9]{20,}|pypi-[A-Za-z0-9_-]{20,}"
    rb"|eyJ[A-Za-z0-9_-]{12,}+(?:\.[A-Za-z0-9_-]++)*+"
    rb")|(?P<scheme>(?i:bearer|basic) +)[A-Za-z0-9._~+/=-]{8,}|[A-Za-z0-9]++",
    re.DOTALL,
)


def redact(body: bytes) -> bytes:
    """The body with everything masked that the rules know."""
    body = _ESCAPE.sub(_written_out, body)
    for _ in range(_ROUNDS):
        before, body = body, _masked(body)
        if body == before:
            break
    return body


def _masked(body: bytes) -> bytes:
    body = _SECRET.sub(_without_secret, body)
    body = _EMAIL.sub(lambda match: b"[email]" if match["mail"] else match[0], body)
    return _mask_cards(body)


def _written_out(match: re.Match[bytes]) -> bytes:
    """The character itself, where JSON allows it to stand as it is."""
    high, low, code = match.groups()
    if high is not None:
        pair = int(high, 16).to_bytes(2, "big") + int(low, 16).to_bytes(2, "big")
        return pair.decode("utf-16-be").encode()
    if code is None:
        return match[0]
    value = int(code, 16)
    if value < 0x20 or value in (0x22, 0x5C, 0x7F) or 0xD800 <= value < 0xE000:
        return match[0]
    return chr(value).encode()


def _without_secret(match: re.Match[bytes]) -> bytes:
    if match["token"]:
        return b"[token]"
    return match["scheme"] + b"[token]" if match["scheme"] else match[0]


def _mask_cards(body: bytes) -> bytes:
    found = list(_cards(body))
    if not found:
        return body
    out = bytearray(body)
    strings = _STRING.finditer(body)
    string = next(strings, None)
    for start, end in found:
        while string is not None and string.end() <= start:
            string = next(strings, None)
        quoted = string is not None and string.start() < start
        mask = ord("*") if quoted else ord("9")
        for place in range(start, end):
            if chr(out[place]).isdigit():
                out[place] = mask
    return bytes(out)


def _cards(body: bytes) -> Iterator[tuple[int, int]]:
    """Where card-like runs stand: windows of whole digit groups, 13 to 19 digits together."""
    for region in _GROUPED.finditer(body):
        if region["region"] is None or len(region[0]) < 13:
            continue
        groups = [one.span() for one in _GROUP.finditer(body, region.start(), region.end())]
        first = 0
        while first < len(groups):
            last = _card_from(body, groups, first)
            if last is None:
                first += 1
            else:
                yield groups[first][0], groups[last][1]
                first = last + 1


def _card_from(body: bytes, groups: list[tuple[int, int]], first: int) -> int | None:
    """Index of the last group of a card that begins with group `first`."""
    if body[groups[first][0]] not in b"23456":
        return None
    digits = b""
    for index in range(first, len(groups)):
        start, end = groups[index]
        digits += body[start:end] if end - start <= 19 else b"0" * 20
        if len(digits) > 19:
            return None
        if len(digits) >= 13 and _luhn(digits):
            return index
    return None


def _luhn(digits: bytes) -> bool:
    """ISO/IEC 7812-1 annex B: every second digit from the right doubled, sum divisible by ten."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = char - 48
        if place % 2:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return total % 10 == 0
