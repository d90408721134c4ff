"""Canonical bytes of a record: RFC 8785 (JCS) in a narrow profile.

Inside the profile (no floats, integers within +-(2^53-1), keys `[a-z0-9_]{1,40}`, depth <= 8,
size <= 16 KiB) code point order of keys equals JCS's UTF-16 order, and the standard library's
string escapes equal ECMAScript's, so the C encoder can do the work. Outside it everything is
refused: a value has one form or none.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final, NoReturn

from kernel.errors import BadInput, TooLarge

MAX_BYTES: Final = 16 * 1024
MAX_DEPTH: Final = 8
MAX_INT: Final = (1 << 53) - 1

_KEY: Final = re.compile(r"[a-z0-9_]{1,40}\Z").match
# Records share a few dozen keys: remembering the good ones spares most of the matching.
_good_key: Final = lru_cache(maxsize=4096)(lambda key: _KEY(key) is not None)
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


def _no_float(text: str) -> NoReturn:
    raise BadInput(f"{text[:40]} is no integer: records hold no floats")


# Duplicate keys need no hook: the parser keeps one of them, so the bytes come back shorter.
_decode: Final = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float).decode


def canonicalise(value: Any) -> bytes:
    """The one byte form of `value`. Raises BadInput (path says where) or TooLarge."""
    _check(value)
    try:
        data = _encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput("a string holds a lone surrogate") from None
    if len(data) > MAX_BYTES:
        raise TooLarge(
            f"a record of {len(data)} bytes; at most {MAX_BYTES} fit",
            hint="put long text into a payload: the record then holds only its digest",
        )
    return data


def parse(data: bytes) -> Any:
    """The value of canonical bytes. Raises BadInput where `canonicalise(value) != data`."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"a record of {len(data)} bytes; at most {MAX_BYTES} are allowed")
    try:
        value = _decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8 at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"not JSON: {error}") from None
    if canonicalise(value) != data:
        raise BadInput("the bytes are not in canonical form")
    return value


def _check_keys(node: dict[Any, Any]) -> None:
    for key in node:
        if type(key) is not str or not _good_key(key):
            raise BadInput(f"the key {str(key)[:60]!r} is not [a-z0-9_]{{1,40}}")


def _check(value: Any) -> None:
    """Refuse what the profile has no form for, without recursion."""
    stack: list[tuple[Any, int]] = [(value, 1)]
    while stack:
        node, depth = stack.pop()
        kind = type(node)
        if kind is str or kind is bool:
            continue
        if kind is int:
            if not -MAX_INT <= node <= MAX_INT:
                raise BadInput("an integer beyond 2^53-1: write it as a string")
        elif kind is dict or kind is list:
            if depth > MAX_DEPTH:
                raise BadInput(f"nested deeper than {MAX_DEPTH} levels")
            if kind is dict:
                _check_keys(node)
            children = node.values() if kind is dict else node
            stack.extend((child, depth + 1) for child in children)
        else:
            raise BadInput(f"a record cannot hold a {kind.__name__}: use strings and integers")
