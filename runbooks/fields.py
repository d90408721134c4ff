"""Reads a mapping of unknown shape field by field, and collects every fault with its path."""

from __future__ import annotations

import difflib
import re
from typing import Any

from kernel.errors import BadInput

MAX_TEXT = 4_000


class Faults:
    """All that is wrong with one file, in the order it was found."""

    def __init__(self) -> None:
        self.found: list[dict[str, object]] = []

    def add(self, path: str, reason: str) -> None:
        """Note one fault."""
        self.found.append({"path": path, "reason": reason})

    def raise_any(self, subject: str) -> None:
        """Raise BadInput that names the first fault and carries them all."""
        if not self.found:
            return
        listed = "; ".join(f"{fault['path']}: {fault['reason']}" for fault in self.found)
        raise BadInput(
            f"{subject} cannot be used: {listed}",
            path=str(self.found[0]["path"]),
            problems=self.found,
        )


class Fields:
    """One mapping. Every getter returns something usable, so that reading goes on after a fault."""

    def __init__(self, data: Any, path: str, faults: Faults) -> None:
        self.path = path
        self.faults = faults
        self._asked: list[str] = []
        self._data: dict[str, Any] = {}
        if not isinstance(data, dict):
            faults.add(path or "$", f"must be a mapping, is {kind_of(data)}")
            return
        for key, value in data.items():
            if isinstance(key, str):
                self._data[key] = value
            else:
                faults.add(path or "$", f"the key {key!r} must be a text: quote it")

    def at(self, name: str) -> str:
        """Path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether the field is written."""
        return name in self._data

    def raw(self, name: str, *, required: bool = False) -> Any:
        """The value as it stands; None where absent."""
        self._asked.append(name)
        if required and name not in self._data:
            self.faults.add(self.at(name), "is missing")
        return self._data.get(name)

    def text(
        self, name: str, *, required: bool = False, pattern: str = "", default: str = ""
    ) -> str:
        """A text of at most 4,000 characters, matching `pattern` as a whole."""
        value = self.raw(name, required=required)
        if value is None:
            return default
        if not isinstance(value, str):
            self.faults.add(self.at(name), f"must be a text, is {kind_of(value)}: quote it")
            return default
        return value if self._text_is_fine(self.at(name), value, pattern) else default

    def texts(self, name: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts without repeats."""
        value = self.raw(name, required=required)
        if value is None:
            return ()
        if not isinstance(value, list) or not value:
            self.faults.add(self.at(name), f"must be a list of texts, is {kind_of(value)}")
            return ()
        for index, item in enumerate(value):
            where = f"{self.at(name)}[{index}]"
            if not isinstance(item, str):
                self.faults.add(where, f"must be a text, is {kind_of(item)}: quote it")
            elif value.index(item) != index:
                self.faults.add(where, f"{item!r} stands twice")
        return tuple(item for item in value if isinstance(item, str))

    def integer(self, name: str, *, low: int, high: int, default: int = 0) -> int:
        """A whole number in low..high."""
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.faults.add(self.at(name), f"must be a whole number, is {kind_of(value)}")
            return default
        if not low <= value <= high:
            self.faults.add(self.at(name), f"must be {low} to {high}, is {value}")
            return default
        return value

    def truth(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.raw(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.faults.add(self.at(name), f"must be true or false, is {kind_of(value)}")
            return default
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], *, required: bool = True) -> str:
        """One of the allowed words; the first of them after a fault."""
        value = self.raw(name, required=required)
        if value in allowed and isinstance(value, str):
            return value
        if value is not None:
            near = difflib.get_close_matches(str(value), allowed, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            self.faults.add(
                self.at(name), f"must be one of {', '.join(allowed)}, is {value!r}{hint}"
            )
        return allowed[0]

    def items(self, name: str, *, required: bool = False, most: int = 50) -> list[Any]:
        """A list of anything, of at most `most` entries."""
        value = self.raw(name, required=required)
        if value is None:
            return []
        if not isinstance(value, list):
            self.faults.add(self.at(name), f"must be a list, is {kind_of(value)}")
            return []
        if len(value) > most:
            self.faults.add(self.at(name), f"has {len(value)} entries, at most {most} are allowed")
        return value[:most]

    def entries(self, name: str) -> dict[str, Any]:
        """A mapping of anything, keys being texts."""
        value = self.raw(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
            self.faults.add(self.at(name), f"must be a mapping with text keys, is {kind_of(value)}")
            return {}
        return value

    def done(self) -> None:
        """Refuse what nobody asked for, with the nearest known name."""
        for name in self._data:
            if name in self._asked:
                continue
            near = difflib.get_close_matches(name, self._asked, n=1, cutoff=0.5)
            known = ", ".join(sorted(set(self._asked)))
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {known}"
            self.faults.add(self.at(name), f"unknown field; {hint}")

    def _text_is_fine(self, where: str, value: str, pattern: str) -> bool:
        if not value.strip():
            self.faults.add(where, "is empty")
        elif len(value) > MAX_TEXT:
            self.faults.add(where, f"is longer than {MAX_TEXT} characters")
        elif pattern and not re.fullmatch(pattern, value):
            self.faults.add(where, f"{value[:80]!r} does not match {pattern}")
        else:
            return True
        return False


def kind_of(value: Any) -> str:
    """What a YAML value is, in words of the reader."""
    names = {
        dict: "a mapping",
        list: "a list",
        str: "a text",
        bool: "true/false",
        int: "a number",
        float: "a decimal number",
        type(None): "nothing",
    }
    return names.get(type(value), type(value).__name__)
