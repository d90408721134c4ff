"""The only way in for JSON from outside: UTF-8, no duplicate keys, no NaN, bounded depth and ints.

Python's parser takes NaN, 1e999, duplicate keys (last wins) and lone surrogates; each of these
has been used to make two readers of one document see different things.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NoReturn

from kernel.errors import BadInput
from kernel.quoting import cut, quoted

MAX_DEPTH = 64
_INT_LIMIT = 1 << 64


def loads(
    data: bytes | str,
    *,
    max_depth: int = MAX_DEPTH,
    unique_keys: bool = True,
    exact_fractions: bool = False,
) -> Any:
    """Parse one JSON document. Raises BadInput that says where and why.

    `unique_keys`: False for a format in which of equal keys the last one counts.
    `exact_fractions`: True gives numbers with a point or an exponent as Decimal instead of float.
    """
    text = decode_utf8(data) if isinstance(data, bytes) else data
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys if unique_keys else None,
            parse_constant=_refuse_constant,
            parse_int=_bounded_int,
            parse_float=_finite_decimal if exact_fractions else _finite_float,
        )
    except json.JSONDecodeError as error:
        raise BadInput(
            f"not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    except RecursionError:
        raise BadInput(f"nested deeper than {max_depth} levels") from None
    # Decoded UTF-8 holds no surrogates: only an escape can have made one.
    _check(value, max_depth, texts=isinstance(data, str) or "\\u" in text)
    return value


def decode_utf8(data: bytes) -> str:
    """Text of UTF-8 bytes; says at which byte it stops being UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"not UTF-8 at byte {error.start}") from None


def unescaped(inner: str) -> str:
    """What a text between quotes says; as it is where its escapes are none, or half a character."""
    if "\\" not in inner:
        return inner
    try:
        plain = str(json.loads(f'"{inner}"', strict=False))
        plain.encode()
    except ValueError:
        return inner
    return plain


def _unique_keys(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BadInput(f"the key {quoted(key)} stands twice in one object")
            seen.add(key)
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise BadInput(f"{name} is not a JSON number")


def _bounded_int(text: str) -> int:
    if len(text) > 21:
        raise BadInput("an integer of more than 20 digits")
    value = int(text)
    if not -_INT_LIMIT < value < _INT_LIMIT:
        raise BadInput("an integer beyond 64 bits")
    return value


def _finite_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise BadInput(f"the number {cut(text, 40)} is out of range")
    return value


def _finite_decimal(text: str) -> Decimal:
    _finite_float(text)
    return Decimal(text)


def _check(value: Any, max_depth: int, *, texts: bool) -> None:
    """Bound the depth, and the `texts` to whole characters, level by level, without recursion."""
    if not texts and _is_shallow(value, max_depth):
        return
    level = [value]
    for _ in range(max_depth):
        if texts:
            _check_texts(level)
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise BadInput(f"nested deeper than {max_depth} levels")


def _is_shallow(value: Any, max_depth: int) -> bool:
    """True where objects and arrays alone end a level early enough: no need to look at leaves."""
    level = [value]
    for _ in range(max_depth - 1):
        level = [
            child
            for node in level
            for child in _children(node)
            if type(child) is dict or type(child) is list
        ]
        if not level:
            return True
    return False


def _children(node: Any) -> Iterable[Any]:
    if type(node) is dict:
        return node.values()
    return node if type(node) is list else ()


def _check_texts(level: list[Any]) -> None:
    for node in level:
        if type(node) is str:
            _check_text(node)
        elif type(node) is dict:
            for key in node:
                _check_text(key)


def _check_text(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadInput("a string holds a lone surrogate") from None
