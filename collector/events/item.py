"""One decoded (and redacted) item becomes a ShopEvent, or is refused with path and reason."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from collector.events.data_rules import DataRules
from collector.events.envelope import (
    KEPT_AS,
    Scalar,
    check_required,
    checked_attributes,
    known_attributes,
)
from kernel.clock import DAY_US, MINUTE_US, parse_rfc3339
from kernel.errors import BadInput
from kernel.money import is_currency
from kernel.quoting import cut, quoted
from kernel.shop_event import (
    CANONICAL_TYPES,
    DECLINE_CLASSES,
    DERIVED_TYPES,
    STRING_FIELDS,
    Origin,
    ShopEvent,
)

MAX_AHEAD_US: Final = 5 * MINUTE_US
MAX_AGE_US: Final = 400 * DAY_US
MAX_AMOUNT: Final = 1 << 53
MAX_IDENTIFIER: Final = 200
MAX_ATTRIBUTES: Final = 64
MAX_ATTRIBUTE_NAME: Final = 128
# A CloudEvent of 64 KiB has to be taken, whatever it consists of.
MAX_ATTRIBUTE_TEXT: Final = 64 * 1024
_ORIGINS = {"backend": Origin.BACKEND, "browser": Origin.BROWSER}
# Attributes of the envelope; everything else at the top level is data in the flat form.
_ENVELOPE = frozenset(
    {"specversion", "id", "source", "type", "time", "data", "datacontenttype", "dataschema"}
)
_DATA = KEPT_AS + "data"
_ID_FIELDS = ("checkout_id", "order_id", "payment_id", "session_id", "trace_id", "span_id")
_KNOWN = frozenset({"amount_minor", "latency_ms", "origin", "attributes", *STRING_FIELDS})
_TAKEN = CANONICAL_TYPES - DERIVED_TYPES
_STRING_FIELDS = frozenset(STRING_FIELDS)
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Context:
    """What an item does not say itself. `strict`: the rules of CloudEvents hold."""

    now_us: int
    default_source: str
    strict: bool
    rules: DataRules = field(default_factory=DataRules)


def shop_event(item: Any, context: Context) -> ShopEvent:
    """The event of an item; its id is "" where plain JSON gave none.

    Raises BadInput with the path of the first fault.
    """
    if not isinstance(item, dict):
        raise BadInput(f"an event is a JSON object, not {_kind(item)}", rule="event.object")
    kept = _envelope(item, context)
    data, prefix = _data_of(item, kept, strict=context.strict)
    kind = event_type(item.get("type"))
    if _DATA in kept and kept[_DATA] != "null" and kind in CANONICAL_TYPES:
        raise BadInput(f"data is an object, not {_kind(item['data'])}", path="$.data")
    time_us, flag = event_time(item.get("time"), context.now_us)
    fields = _string_fields(data, prefix)
    _trace(item, fields)
    amount = _amount(data, fields, prefix)
    return ShopEvent(
        id=_identifier(item.get("id"), "$.id"),
        source=_identifier(item.get("source"), "$.source") or context.default_source,
        type=kind,
        time_us=time_us,
        time_flag=flag,
        origin=_origin(data.get("origin"), prefix),
        amount_minor=amount,
        latency_ms=_latency(data.get("latency_ms"), prefix),
        attributes=_attributes(data, prefix, kept),
        **fields,
    )


def event_type(value: Any) -> str:
    """A known type, or a reverse-DNS-like one (two dots or more), which is stored uncounted."""
    if not isinstance(value, str) or not value:
        raise BadInput(
            "an event needs a type",
            path="$.type",
            hint="for example payment.succeeded",
            rule="event.type.missing",
        )
    if len(value) > MAX_IDENTIFIER or _CONTROL.search(value):
        raise BadInput("the type is too long or holds control characters", path="$.type")
    if is_taken_type(value):
        return value
    if value in DERIVED_TYPES:
        raise BadInput(
            f"{value} is concluded from silence here and not accepted from outside",
            path="$.type",
            rule="event.type.derived",
        )
    near = difflib.get_close_matches(value.lower(), sorted(_TAKEN), n=1)
    hint = f"did you mean {near[0]}?" if near else "own types need a reverse-DNS name"
    raise BadInput(
        f"unknown event type {quoted(value)}: {hint}",
        path="$.type",
        hint=hint,
        rule="event.type.unknown",
    )


def is_taken_type(kind: str) -> bool:
    """True for a type that is ours to count, and for one with the name of a domain."""
    return kind in _TAKEN or (kind.count(".") >= 2 and kind not in DERIVED_TYPES)


def event_time(value: Any, now_us: int) -> tuple[int, str]:
    """Event time and its flag: more than 5 min ahead counts at receive time."""
    if value is None:
        return now_us, ""
    if not isinstance(value, str):
        raise BadInput(f"a time is an RFC 3339 string, not {_kind(value)}", path="$.time")
    try:
        time_us = parse_rfc3339(value)
    except (ValueError, OverflowError) as error:
        raise BadInput(str(error)[:200], path="$.time") from None
    if time_us < now_us - MAX_AGE_US:
        raise BadInput("the event is older than 400 days", path="$.time", rule="event.time.too_old")
    if time_us > now_us + MAX_AHEAD_US:
        return now_us, "future"
    return time_us, ""


def _envelope(item: Mapping[str, Any], context: Context) -> dict[str, Scalar]:
    """What stands beside the data and is kept. Raises BadInput where a rule is broken.

    In plain JSON the standard's attributes are held to its rules, and all else is kept as it is.
    """
    context.rules.check(item)
    if "data_base64" in item:
        raise BadInput(
            "data_base64 is base64 of JSON, and alone",
            path="$.data_base64",
            hint="send the data as JSON in data; bytes that cannot be looked at are not stored",
        )
    if context.strict:
        check_required(item)
        return checked_attributes(item)
    if item.get("data") is None or item.keys() <= _ENVELOPE:
        return {}
    kept: dict[str, Scalar] = known_attributes(item)
    beside = {
        name: value
        for name, value in item.items()
        if name not in _ENVELOPE and KEPT_AS + name not in kept
    }
    return kept | dict(_flat(beside))


def _data_of(
    item: Mapping[str, Any], kept: dict[str, Scalar], *, strict: bool
) -> tuple[Mapping[str, Any], str]:
    """Data fields under `data`, or, in plain JSON, flat beside the envelope.

    Data of a CloudEvent that is no object is kept as its JSON text; a text is not parsed again.
    """
    if strict:
        data = item.get("data", {})
        if isinstance(data, dict):
            return data, "$.data."
        kept[_DATA] = msgspec.json.encode(data).decode()
        return {}, "$.data."
    data = item.get("data")
    if data is None:
        return {name: value for name, value in item.items() if name not in _ENVELOPE}, "$."
    if not isinstance(data, dict):
        raise BadInput(f"data is an object, not {_kind(data)}", path="$.data")
    return data, "$.data."


def _string_fields(data: Mapping[str, Any], prefix: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in data.items():
        if name not in _STRING_FIELDS or value is None:
            continue
        # The common case in line: a text that `_identifier` would give back as it is.
        if type(value) is str and len(value) <= MAX_IDENTIFIER and value.isprintable():
            fields[name] = value
            continue
        is_number = isinstance(value, int) and not isinstance(value, bool)
        text = str(value) if is_number and name in _ID_FIELDS else value
        fields[name] = _identifier(text, prefix + name)
    if (got := fields.get("decline_class")) and got not in DECLINE_CLASSES:
        raise BadInput(
            f"decline_class is one of {', '.join(DECLINE_CLASSES)}", path=f"{prefix}decline_class"
        )
    return fields


def _identifier(value: Any, path: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadInput(f"expected a string, not {_kind(value)}", path=path)
    if len(value) > MAX_IDENTIFIER:
        raise BadInput(f"longer than {MAX_IDENTIFIER} characters", path=path)
    if not value.isprintable() and _CONTROL.search(value):
        raise BadInput("holds control characters", path=path)
    return value


def _amount(data: Mapping[str, Any], fields: Mapping[str, str], prefix: str) -> int | None:
    amount = data.get("amount_minor")
    currency = fields.get("currency", "")
    if currency and not is_currency(currency):
        raise BadInput("currency is an ISO 4217 code like EUR", path=f"{prefix}currency")
    if amount is None:
        return None
    path = f"{prefix}amount_minor"
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise BadInput(
            f"an amount is an integer of minor units (cents), not {_kind(amount)}", path=path
        )
    if not 0 <= amount < MAX_AMOUNT:
        raise BadInput("an amount lies between 0 and 2^53", path=path)
    if not currency:
        raise BadInput("an amount needs its currency", path=f"{prefix}currency")
    return amount


def _latency(value: Any, prefix: str) -> float | None:
    if value is None:
        return None
    path = f"{prefix}latency_ms"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"a latency is a number of milliseconds, not {_kind(value)}", path=path)
    if not 0 <= value < 1e12 or not math.isfinite(value):
        raise BadInput("a latency is not negative and below 1e12 ms", path=path)
    return float(value)


def _origin(value: Any, prefix: str) -> Origin:
    if value is None:
        return Origin.BACKEND
    if not isinstance(value, str) or value not in _ORIGINS:
        raise BadInput("origin is backend or browser", path=f"{prefix}origin")
    return _ORIGINS[value]


def _trace(item: Mapping[str, Any], fields: dict[str, str]) -> None:
    """Trace and span of a `traceparent` extension, where the data names none."""
    if "trace_id" in fields:
        fields["trace_id"] = fields["trace_id"].lower()
    parent = item.get("traceparent")
    match = _TRACEPARENT.fullmatch(parent) if isinstance(parent, str) else None
    if match and not fields.get("trace_id"):
        fields["trace_id"] = match[1]
        fields.setdefault("span_id", match[2])


def _attributes(
    data: Mapping[str, Any], prefix: str, kept: Mapping[str, Scalar]
) -> dict[str, Scalar]:
    """The flat map of `attributes`, every data field without a name of its own, and `kept`."""
    given = data.get("attributes")
    if given is not None and not isinstance(given, dict):
        raise BadInput(f"attributes is an object, not {_kind(given)}", path=f"{prefix}attributes")
    found: dict[str, Scalar] = {}
    extra = {name: value for name, value in data.items() if name not in _KNOWN}
    for where, pairs in ((f"{prefix}attributes.", given or {}), (prefix, extra), ("$.", kept)):
        for name, value in _flat(pairs) if pairs else ():
            _attribute(found, where, name, value)
    return found


def _flat(pairs: Mapping[str, Any]) -> list[tuple[str, Scalar]]:
    """Nested objects with dotted names, without recursion; lists as JSON text."""
    found: list[tuple[str, Scalar]] = []
    stack = list(pairs.items())[::-1]
    while stack:
        name, value = stack.pop()
        if isinstance(value, dict):
            stack.extend((f"{name}.{key}", child) for key, child in list(value.items())[::-1])
        elif isinstance(value, list):
            found.append((name, msgspec.json.encode(value).decode()))
        elif value is not None:
            found.append((name, value))
    return found


def _attribute(found: dict[str, Scalar], where: str, name: str, value: Any) -> None:
    path = where + (cut(name, MAX_ATTRIBUTE_NAME) or "...")
    if len(name) > MAX_ATTRIBUTE_NAME:
        raise BadInput(
            f"an attribute's name is longer than {MAX_ATTRIBUTE_NAME} characters",
            path=path,
            rule="event.attributes.name",
        )
    if isinstance(value, str) and len(value) > MAX_ATTRIBUTE_TEXT:
        raise BadInput(
            f"an attribute is longer than {MAX_ATTRIBUTE_TEXT} characters",
            path=path,
            rule="event.attributes.length",
        )
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise BadInput("an integer beyond 64 bits", path=path, rule="event.attributes.integer")
    found[name] = value
    if len(found) > MAX_ATTRIBUTES:
        raise BadInput(
            f"more than {MAX_ATTRIBUTES} attributes", path=path, rule="event.attributes.number"
        )


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    return names.get(type(value), "a number")
