"""YAML as data only: no duplicate keys, no anchors, numbers exact, words stay words.

Plain YAML 1.1 reads `NO` as false (a country!), `010` as 8 and 0.999 as a binary float. Here true
and false are the only booleans, integers are decimal and fractions become `Decimal`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32
_WORD = re.compile(r"(?:[A-Za-z]([-_./A-Za-z0-9 ]*[A-Za-z0-9])?|[0-9]{1,6}[smhdwMQY])\Z")
# Words that YAML 1.1 or 1.2 reads as true, false or nothing.
_TAKEN = {"true", "false", "yes", "no", "on", "off", "y", "n", "null"}
# What constructors raise for `!!int x`, `!!bool x`, `!!timestamp x` and `2026-13-45`.
_NOT_A_VALUE = (ValueError, KeyError, AttributeError, TypeError, ArithmeticError)


class SourceFault(Exception):
    """The text is no usable YAML."""


class _Loader(yaml.SafeLoader):
    """SafeLoader with its own, smaller set of implicit types."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own class attribute
    _depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise SourceFault(
                f"line {event.start_mark.line + 1}: anchors are not read; repeat the value"
            )
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SourceFault(f"nested deeper than {MAX_DEPTH} levels")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def _mapping(loader: _Loader, node: MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise SourceFault(f"line {line}: the key {key!r} is not text")
        if key in found:
            raise SourceFault(f"line {line}: the key {key!r} stands twice in one mapping")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _decimal(_loader: _Loader, node: ScalarNode) -> Decimal:
    return Decimal(node.value)


def _integer(_loader: _Loader, node: ScalarNode) -> int:
    if len(node.value) > 20:
        raise SourceFault(f"line {node.start_mark.line + 1}: an integer of more than 20 digits")
    return int(node.value)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
for _tag, _pattern, _first in (
    ("null", r"(?:~|null|)\Z", ["~", "n", ""]),
    ("bool", r"(?:true|false)\Z", ["t", "f"]),
    ("int", r"[-+]?[0-9]+\Z", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]{1,3})?\Z",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def is_plain_word(text: str) -> bool:
    """True where the text may stand without quotes: no YAML reader takes it for anything else."""
    return _WORD.match(text) is not None and text.lower() not in _TAKEN


def documents(text: str) -> list[Any]:
    """All documents of one file as plain data. Raises SourceFault with the line."""
    if len(text) > MAX_CHARACTERS:
        raise SourceFault(f"longer than {MAX_CHARACTERS} characters")
    try:
        found = list(yaml.load_all(text, Loader=_Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SourceFault(f"{where}not YAML: {problem}") from None
    except _NOT_A_VALUE as error:
        reason = " ".join(str(error).split())[:200]
        raise SourceFault(f"a value is not what its tag says: {reason}") from None
    return [document for document in found if document is not None]
