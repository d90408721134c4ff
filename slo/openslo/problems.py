"""Collecting every fault of a document instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

_SHOWN = 80
_MOST_LISTED = 30


@dataclass(frozen=True)
class Problem:
    """One fault: where, what stands there, and why it cannot stay."""

    path: str
    value: str
    reason: str

    def as_dict(self) -> dict[str, object]:
        """The shape of `TillwatchError.problems`."""
        return {"path": self.path, "value": self.value, "reason": self.reason}

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" + (f" (found {self.value})" if self.value else "")


@dataclass
class Problems:
    """The faults found so far, and remarks that are no faults."""

    found: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, path: str, value: Any, reason: str) -> None:
        """Note a fault; `value` is shown shortened ("" shows nothing)."""
        shown = "" if isinstance(value, str) and not value else repr_short(value)
        self.found.append(Problem(path, shown, reason))

    def note(self, text: str) -> None:
        """A remark for the author; the file stays usable."""
        self.notes.append(text)

    def mapping(self, value: Any, path: str) -> Mapping[str, Any]:
        """`value` as a mapping; {} and a fault otherwise."""
        if isinstance(value, dict):
            return value
        self.add(path, value, "a mapping is wanted here")
        return {}

    def fields(
        self, value: Any, path: str, allowed: Iterable[str], required: Iterable[str] = ()
    ) -> Mapping[str, Any]:
        """A mapping whose keys are all `allowed` and hold all `required`."""
        if not isinstance(value, dict):
            self.add(path, value, "a mapping is wanted here")
            return {}
        known = list(allowed)
        for key in value:
            if key not in known:
                self.add(f"{path}.{key}", "", f"unknown field{suggest(key, known)}")
        for key in required:
            if value.get(key) is None:
                self.add(f"{path}.{key}", "", "this field is missing")
        return value

    def text(self, value: Any, path: str, *, longest: int = 253) -> str:
        """A string of bounded length; "" for nothing."""
        if value is None:
            return ""
        if not isinstance(value, str):
            self.add(path, value, "text is wanted here (put it in quotes)")
            return ""
        if len(value) > longest:
            self.add(path, value, f"longer than {longest} characters")
        return value

    def choice(self, value: Any, path: str, known: Sequence[str]) -> str:
        """One word of `known`; "" for nothing, or with a fault."""
        if value is None:
            return ""
        if not isinstance(value, str) or value not in known:
            hint = suggest(value, known) if isinstance(value, str) else ""
            self.add(path, value, f"one of {', '.join(known)} is wanted{hint}")
            return ""
        return value

    def switch(self, value: Any, path: str) -> bool:
        """True or false; false for nothing, or with a fault."""
        if value is None or isinstance(value, bool):
            return bool(value)
        self.add(path, value, "true or false is wanted")
        return False

    def number(self, value: Any, path: str) -> Fraction | None:
        """An exact number; None for nothing, or with a fault."""
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.add(path, value, "a number is wanted")
            return None
        return Fraction(value)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing where nothing known is close."""
    hint = suggest(word, known)
    return hint if hint.startswith("; did") else ""


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` where something known is close, else what would be allowed."""
    choices = sorted(known)
    close = get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    if not 0 < len(choices) <= _MOST_LISTED:
        return ""
    return f"; known here: {', '.join(choices)}"


def repr_short(value: Any) -> str:
    """The value for a message, at most 80 characters."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _plain(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _plain(value: Any) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)
