"""The attributes of a CloudEvent beside its data: checked by the standard, kept as `ce.<name>`.

CloudEvents 1.0.2, "Context Attributes" and "Type System", and the extensions that the standard
documents. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.quoting import cut

KEPT_AS: Final = "ce."
# Attributes with a place of their own in a shop event, and the two members that are no attributes.
_PLACED = frozenset(
    {"id", "source", "type", "specversion", "time", "datacontenttype", "data", "data_base64"}
)
_REQUIRED = ("id", "source", "type")
_NAME = re.compile(r"[a-z0-9]+")
# Control characters and what Unicode says is no character; the parser refuses lone surrogates.
_NOT_TEXT = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
    + "".join(chr((plane << 16) + last) for plane in range(1, 17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_ABSOLUTE_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[!-~]+")
_JSON_TYPE = re.compile(r"(?:application|text)/(?:[!-~]+\+)?json(?: *;.*)?", re.IGNORECASE)
_INT_LIMIT = 1 << 31

Scalar = str | int | float | bool


def is_json_type(media_type: str) -> bool:
    """True for `application/json`, `text/json` and everything that ends in `+json`."""
    return _JSON_TYPE.fullmatch(media_type) is not None


def check_required(event: Mapping[str, Any]) -> None:
    """Raises BadInput where `specversion`, `id`, `source` or `type` is not as it must be."""
    if event.get("specversion") != "1.0":
        raise BadInput(
            'a CloudEvent has specversion "1.0"',
            path="$.specversion",
            hint="other versions are not read here",
        )
    for name in _REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise BadInput(f"a CloudEvent needs {name}, a text that is not empty", path=f"$.{name}")
        _text(event[name], f"$.{name}")


def checked_attributes(event: Mapping[str, Any]) -> dict[str, Scalar]:
    """All attributes without a place of their own, under `ce.<name>`; null is unset.

    Raises BadInput with the path of the first that breaks a rule.
    """
    found: dict[str, Scalar] = {}
    for name, value in event.items():
        if name in _PLACED or value is None:
            continue
        path = f"$.{cut(name, 80)}"
        if _NAME.fullmatch(name) is None:
            raise BadInput(
                "an attribute's name is of a-z and 0-9",
                path=path,
                hint="fields of your own belong into data",
            )
        found[KEPT_AS + name] = _KNOWN.get(name, _scalar)(value, path)
    content_type = event.get("datacontenttype")
    if content_type is not None and not is_json_type(_text(content_type, "$.datacontenttype")):
        found[KEPT_AS + "datacontenttype"] = content_type
    return found


def known_attributes(event: Mapping[str, Any]) -> dict[str, Scalar]:
    """The same for plain JSON: of what stands beside `data` only what the standard names."""
    return checked_attributes({name: event[name] for name in event.keys() & _KNOWN.keys()})


def _scalar(value: Any, path: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -_INT_LIMIT <= value < _INT_LIMIT:
            raise BadInput("an attribute's integer has 32 bits", path=path, hint="send it as text")
        return value
    if isinstance(value, str):
        return _text(value, path)
    raise BadInput(
        "an attribute is a text, an integer or a truth value",
        path=path,
        hint="everything else belongs into data",
    )


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise BadInput("this attribute is a text", path=path)
    if not value:
        raise BadInput("this attribute is not empty where it is given", path=path)
    if _NOT_TEXT.search(value):
        raise BadInput("an attribute holds no control characters", path=path)
    return value


def _absolute_uri(value: Any, path: str) -> str:
    text = _text(value, path)
    if _ABSOLUTE_URI.fullmatch(text) is None:
        raise BadInput("dataschema is an absolute URI", path=path, hint="it begins with a scheme")
    return text


def _timestamp(value: Any, path: str) -> str:
    text = _text(value, path)
    try:
        parse_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise BadInput(str(error)[:200], path=path) from None
    return text


def _rate(value: Any, path: str) -> int:
    """One event of so many was sent; headers hold it as text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise BadInput("sampledrate is an integer above zero", path=path)
    if not 0 < int(text) < _INT_LIMIT:
        raise BadInput("sampledrate is an integer above zero, of 32 bits", path=path)
    return int(text)


_KNOWN: Final[Mapping[str, Callable[[Any, str], Scalar]]] = {
    "subject": _text,
    "dataschema": _absolute_uri,
    "recordedtime": _timestamp,
    "sampledrate": _rate,
    "sequence": _text,
    "sequencetype": _text,
    "partitionkey": _text,
    "dataref": _text,
    "traceparent": _text,
    "tracestate": _text,
    "dataclassification": _text,
    "dataregulation": _text,
    "datacategory": _text,
}
