"""Figures in a sentence against figures in evidence: equal within the rounding they are written in.

`89 %` stands for a share from 0.885 to 0.895; `1,920.00 EUR` for 192000 minor units; `14:02:10` for
a time of that second, UTC. A figure with no counterpart is returned; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kernel.clock import from_us
from kernel.money import exponent
from triage.evidence.evidence import Evidence

_TIME = re.compile(r"\b(\d{4}-\d{2}-\d{2})?[T ]?\b(\d{1,2}:\d{2}(?::\d{2})?)\b")
_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_FIGURE = re.compile(
    r"(?<![\w.,])[-+~]?(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?"
    r"(?:\s?(%|percent\b|per cent\b|(?!UTC)[A-Z]{3}\b|ms\b|milliseconds?\b|minutes?\b|min\b|"
    r"seconds?\b|sec\b|s\b|hours?\b|h\b))?(?!\w|\.\d)"
)
_CODE_AMOUNT = re.compile(r"\b(?!UTC)([A-Z]{3})\s(\d[\d,]*(?:\.\d+)?)\b")
_OF = re.compile(r"(?<![\w.,])(\d[\d,]*) (?:out )?of (?:the )?(\d[\d,]*)(?![\w.,]*\d)")
_SHARE_KEYS = re.compile(r"share|explained|risk_difference")
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class _Figure:
    value: float
    half_step: float
    unit: str

    def equals(self, other: float) -> bool:
        return abs(abs(other) - self.value) <= self.half_step + 1e-9 * max(1.0, self.value)


def unmatched_figure(text: str, pieces: Sequence[Evidence]) -> tuple[str, str | None]:
    """The text without its figures, and the first figure that no piece holds (None: all do)."""
    rest, wrong = _take_times(text, pieces)
    if wrong is not None:
        return rest, wrong
    for part, whole in _OF.findall(rest):
        if int(part.replace(",", "")) > int(whole.replace(",", "")):
            return rest, f"{part} of {whole}"
    rest = _CODE_AMOUNT.sub(r"\2 \1", rest)
    for match in _FIGURE.finditer(rest):
        if not any(_holds(match, piece) for piece in pieces):
            return rest, match.group().strip()
    left = _FIGURE.sub(" ", rest)
    return left, None


def _take_times(text: str, pieces: Sequence[Evidence]) -> tuple[str, str | None]:
    times = [at for piece in pieces for at in _times(piece)]
    clocks = {from_us(at).strftime("%H:%M:%S") for at in times}
    days = {from_us(at).strftime("%Y-%m-%d") for at in times}
    for day, clock in _TIME.findall(text):
        if day and day not in days:
            return text, str(day)
        padded = clock if len(clock.split(":")[0]) == 2 else f"0{clock}"
        if not any(known == padded or known[:5] == padded for known in clocks):
            return text, str(clock)
    rest = _TIME.sub(" ", text)
    for day in _DATE.findall(rest):
        if day not in days:
            return rest, str(day)
    return _DATE.sub(" ", rest), None


def _times(piece: Evidence) -> Iterator[int]:
    yield piece.from_us
    yield piece.to_us
    for key, value in piece.numbers.items():
        if key.endswith("_us") and isinstance(value, int):
            yield value


def _holds(match: re.Match[str], piece: Evidence) -> bool:
    whole, fraction, unit = match.groups()
    digits = len(fraction or "")
    value = float(f"{whole.replace(',', '')}.{fraction or '0'}")
    figure = _Figure(value, 0.5 * 10.0**-digits, _unit(unit or ""))
    return any(figure.equals(other) for other in _counterparts(figure.unit, piece))


def _unit(written: str) -> str:
    low = written.casefold()
    if low in {"%", "percent", "per cent"}:
        return "%"
    if low.startswith(("ms", "milli")):
        return "ms"
    if low.startswith("min"):
        return "min"
    if low.startswith("h"):
        return "h"
    if len(written) == 3 and written.isupper():
        return written
    return "s" if low.startswith("s") else ""


def _counterparts(unit: str, piece: Evidence) -> Iterator[float]:
    """Values of the piece in this unit."""
    for key, value in piece.numbers.items():
        if isinstance(value, str) or key.endswith("_us"):
            continue
        currency = key.rpartition("_")[2] if "minor_" in key else ""
        if currency:
            if unit == currency:
                yield value / 10 ** exponent(currency)
        elif unit == "%":
            if _SHARE_KEYS.search(key):
                yield value * 100
        elif unit in _SECONDS:
            seconds = _seconds(key, value)
            if seconds is not None:
                yield seconds / _SECONDS[unit]
        elif not unit:
            yield value


def _seconds(key: str, value: float) -> float | None:
    if key.endswith("_ms") or "_ms_" in key:
        return value / 1000
    if key.endswith("_s"):
        return value
    if key == "minutes":
        return value * 60
    return None
