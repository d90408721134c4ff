"""YAML as the front matter of runbooks may use it: what is reviewed is what is read."""

from __future__ import annotations

from typing import Any

import yaml

from kernel.errors import BadInput

_MAX_DEPTH = 32
# What PyYAML's constructors raise for `2026-13-45`, `!!int x`, `!!bool x`, `!!timestamp x`.
_NOT_A_VALUE = (ValueError, KeyError, AttributeError, TypeError, ArithmeticError)


class _Loader(yaml.SafeLoader):
    """Safe YAML without anchors and without repeated keys, of bounded depth."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_mark()
            raise BadInput(f"anchors and aliases are not allowed (line {mark.line + 2})")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise BadInput(f"nested deeper than {_MAX_DEPTH} levels")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise BadInput(f"the key {name!r} stands twice (line {key.start_mark.line + 2})")
            seen.add(name)
        return super().construct_mapping(node, deep)


def load_yaml(front: str) -> Any:
    """Plain data of one document. Raises BadInput for whatever else it is."""
    try:
        return yaml.load(front, Loader=_Loader)  # noqa: S506 - a SafeLoader, stricter
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"the front matter is not YAML: {reason}") from None
    except _NOT_A_VALUE as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInput(f"the front matter holds a value that is none: {reason}") from None
