"""What OpenSLO has no word for: `metadata.annotations` under `tillwatch/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zoneinfo import available_timezones

from kernel.clock import SECOND_US
from kernel.shop_event import STRING_FIELDS
from slo.objective import DEFAULT_DEADLINES_S
from slo.openslo.durations import duration_us
from slo.openslo.problems import Problems, suggest

PREFIX = "tillwatch/"
MAX_SEGMENTS = 4
_IDENTITIES = {"checkout_id", "order_id", "payment_id", "session_id", "trace_id", "span_id"}


def read_annotations(value: Any, path: str, problems: Problems) -> dict[str, Any]:
    """Keyword arguments for `Objective`, from the annotations that are ours."""
    if value is None:
        return {}
    found: dict[str, Any] = {}
    for name, text in problems.mapping(value, path).items():
        place = f"{path}['{name}']"
        if not isinstance(text, str):
            problems.add(place, text, "annotations are text: put the value in quotes")
        elif name.startswith(PREFIX):
            _read_one(name, text, place, problems, found)
    return found


def _read_one(name: str, text: str, place: str, problems: Problems, found: dict[str, Any]) -> None:
    known = _READERS.get(name)
    if known is None:
        problems.add(place, "", f"unknown annotation{suggest(name, _READERS)}")
        return
    argument, reader = known
    try:
        found[argument] = reader(text.strip())
    except ValueError as error:
        problems.add(place, text, str(error))


def _words(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",")) if text else ()
    if any(not word for word in words):
        raise ValueError("an empty name between commas")
    if len(set(words)) != len(words):
        raise ValueError("a name stands twice")
    return words


def _segments(text: str) -> tuple[str, ...]:
    words = () if text == "none" else _words(text)
    if len(words) > MAX_SEGMENTS:
        raise ValueError(f"at most {MAX_SEGMENTS} segment fields")
    for word in words:
        if word in _IDENTITIES:
            raise ValueError(f"{word} is different for every attempt and cannot make a segment")
        if word not in STRING_FIELDS and suggest(word, STRING_FIELDS).startswith("; did"):
            raise ValueError(f"unknown field {word}{suggest(word, STRING_FIELDS)}")
    return words


def _deadlines(text: str) -> Mapping[str, int | None]:
    """`card=120s, redirect=15m, bank_transfer=none, default=2m` over the usual deadlines."""
    found = dict(DEFAULT_DEADLINES_S)
    for part in _words(text):
        method, equals, limit = (piece.strip() for piece in part.partition("="))
        if not equals or not method:
            raise ValueError('write "method=duration", such as "card=120s, bank_transfer=none"')
        key = "" if method == "default" else method
        found[key] = None if limit == "none" else duration_us(limit, seconds=True) // SECOND_US
    return found


def _seconds(text: str) -> int:
    return duration_us(text, seconds=True) // SECOND_US


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise ValueError("a whole number from 1 is wanted")
    return int(text)


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise ValueError('"on" or "off" is wanted')
    return text == "on"


def _zone(text: str) -> str:
    if text not in available_timezones():
        raise ValueError('the name of a time zone is wanted, such as "Europe/Berlin"')
    return text


def _allowance(text: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        raise ValueError('seconds are wanted, such as "1s" or "1.5s"') from None
    if not 0 <= seconds <= 10:
        raise ValueError("the allowance lies between 0s and 10s of total outage")
    return seconds


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "tillwatch/segments": ("segments", _segments),
    "tillwatch/sources": ("sources", _words),
    "tillwatch/deadlines": ("deadlines_s", _deadlines),
    "tillwatch/max-gap": ("max_gap_s", _seconds),
    "tillwatch/min-bad-events": ("min_bad_events", _count),
    "tillwatch/fast-tier": ("fast_tier", _switch),
    "tillwatch/bump-allowance": ("bump_allowance_s", _allowance),
    "tillwatch/owner": ("owner", str),
    "tillwatch/zone": ("zone", _zone),
    "tillwatch/silence": ("silence", _switch),
}
