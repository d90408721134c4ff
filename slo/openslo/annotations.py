"""What OpenSLO has no word for: `metadata.annotations` under `tillwatch/`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kernel.clock import SECOND_US
from kernel.errors import BadInput
from kernel.shop_event import STRING_FIELDS
from slo.objective import DEFAULT_DEADLINES_S, DEFAULT_SEGMENTS, Objective
from slo.openslo.durations import duration_us
from slo.openslo.metadata import PREFIX
from slo.openslo.problems import Problems, did_you_mean, suggest
from slo.openslo.written_tiers import read_tiers, write_tiers
from slo.windows import zone_of

MAX_SEGMENTS = 4
TIERS = f"{PREFIX}tiers"
NO_DATA_RULES = ("freeze", "neutral", "bad")
_IDENTITIES = {"checkout_id", "order_id", "payment_id", "session_id", "trace_id", "span_id"}


def read_annotations(
    annotations: Mapping[str, str], path: str, problems: Problems
) -> dict[str, Any]:
    """Keyword arguments for `Objective`, from the annotations that are ours."""
    found: dict[str, Any] = {}
    for name, text in annotations.items():
        if name.startswith(PREFIX):
            _read_one(name, text, f"{path}['{name}']", problems, found)
    return found


def write_annotations(objective: Objective) -> dict[str, str]:
    """The annotations that `read_annotations` gives this objective's own values for."""
    plain = Objective("", "", "", objective.target, objective.indicator)
    found = {
        "segments": ", ".join(objective.segments) or "none",
        "sources": ", ".join(objective.sources),
        "deadlines": _deadlines_text(objective.deadlines_s),
        "max-gap": f"{objective.max_gap_s}s",
        "min-bad-events": str(objective.min_bad_events),
        "fast-tier": "on" if objective.fast_tier else "off",
        "bump-allowance": f"{objective.bump_allowance_s!r}s",
        "tiers": write_tiers(objective.tiers),
        "no-data": objective.no_data,
        "zone": objective.zone,
        "silence": "on" if objective.silence else "off",
        "owner": objective.owner,
    }
    usual = {
        "segments": ", ".join(DEFAULT_SEGMENTS),
        "max-gap": f"{plain.max_gap_s}s",
        "min-bad-events": str(plain.min_bad_events),
        "fast-tier": "on",
        "bump-allowance": f"{plain.bump_allowance_s!r}s",
        "no-data": plain.no_data,
        "silence": "on",
    }
    return {
        f"{PREFIX}{name}": text
        for name, text in found.items()
        if text and text != usual.get(name, "")
    }


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
        hint = did_you_mean(word, STRING_FIELDS)
        if word not in STRING_FIELDS and hint:
            raise ValueError(f"unknown field {word}{hint}")
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


def _deadlines_text(deadlines_s: Mapping[str, int | None]) -> str:
    return ", ".join(
        f"{method or 'default'}={'none' if limit_s is None else f'{limit_s}s'}"
        for method, limit_s in sorted(deadlines_s.items())
        if method not in DEFAULT_DEADLINES_S or DEFAULT_DEADLINES_S[method] != limit_s
    )


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
    try:
        return zone_of(text).key
    except BadInput:
        raise ValueError('the name of a time zone is wanted, such as "Europe/Berlin"') from None


def _allowance(text: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        raise ValueError('seconds are wanted, such as "1s" or "1.5s"') from None
    if not 0 <= seconds <= 10:
        raise ValueError("the allowance lies between 0s and 10s of total outage")
    return seconds


def _no_data(text: str) -> str:
    if text not in NO_DATA_RULES:
        raise ValueError(f"one of {', '.join(NO_DATA_RULES)} is wanted")
    return text


_READERS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "tillwatch/segments": ("segments", _segments),
    "tillwatch/sources": ("sources", _words),
    "tillwatch/deadlines": ("deadlines_s", _deadlines),
    "tillwatch/max-gap": ("max_gap_s", _seconds),
    "tillwatch/min-bad-events": ("min_bad_events", _count),
    "tillwatch/fast-tier": ("fast_tier", _switch),
    "tillwatch/bump-allowance": ("bump_allowance_s", _allowance),
    TIERS: ("tiers", read_tiers),
    "tillwatch/no-data": ("no_data", _no_data),
    "tillwatch/owner": ("owner", str),
    "tillwatch/zone": ("zone", _zone),
    "tillwatch/silence": ("silence", _switch),
}
KNOWN = tuple(_READERS)
