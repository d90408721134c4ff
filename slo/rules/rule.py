"""Rules of Prometheus as data, and their YAML. Pure.

The shape of the file: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import yaml

_UNITS = (("y", 365 * 86_400), ("w", 7 * 86_400), ("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_WIDE = 1000
LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


@dataclass(frozen=True)
class Rule:
    """One rule: `record` names a recorded series, `alert` an alert; exactly one of them is set."""

    expr: str
    record: str = ""
    alert: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    for_s: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        found: dict[str, Any] = {"record": self.record} if self.record else {"alert": self.alert}
        found["expr"] = self.expr
        if self.for_s:
            found["for"] = duration_text(self.for_s)
        if self.labels:
            found["labels"] = dict(sorted(self.labels.items()))
        if self.annotations:
            found["annotations"] = dict(sorted(self.annotations.items()))
        return found


@dataclass(frozen=True)
class RuleGroup:
    """Rules that are evaluated one after the other, every `interval_s` (0: the server's own)."""

    name: str
    rules: Sequence[Rule]
    interval_s: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The group as Prometheus reads it."""
        found: dict[str, Any] = {"name": self.name}
        if self.interval_s:
            found["interval"] = duration_text(self.interval_s)
        found["rules"] = [rule.as_dict() for rule in self.rules]
        return found


def rules_document(groups: Iterable[RuleGroup]) -> dict[str, Any]:
    """The content of one rules file; groups without rules are left out."""
    return {"groups": [group.as_dict() for group in groups if group.rules]}


def rules_yaml(groups: Iterable[RuleGroup], head: str) -> str:
    """The text of one rules file: `head` as comment lines, then YAML. Same input, same bytes."""
    comment = "".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())
    body = yaml.dump(
        rules_document(groups), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDE
    )
    return f"{comment}{body}"


def duration_text(seconds: int) -> str:
    """`300` as `5m`, as Prometheus itself writes it: years and weeks only where nothing is left.

    So 7 d are `1w`, 28 d `4w`, 30 d `30d` and 36 h `1d12h`.
    """
    if seconds <= 0:
        return "0s"
    text = ""
    for unit, length_s in _UNITS:
        if unit in "yw" and seconds % length_s:
            continue
        count, seconds = divmod(seconds, length_s)
        text += f"{count}{unit}" if count else ""
    return text


def float_text(value: float) -> str:
    """A float64 as Go's `%g` prints it: the shortest digits that read back as the same number."""
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is no number that a rule can hold")  # noqa: TRY004
    power = len(digits) + exponent - 1
    if value and not -4 <= power < 6:
        text = "".join(map(str, digits))
        mantissa = text[0] + (f".{text[1:]}" if len(text) > 1 else "")
        return f"{'-' if sign else ''}{mantissa}e{power:+03d}"
    return plain_float_text(value)


def plain_float_text(value: float) -> str:
    """The same digits without an exponent."""
    return f"{Decimal(repr(value)).normalize():f}"


def selector(name: str, labels: Mapping[str, str]) -> str:
    """`name{a="b", c="d"}` with labels by name and values quoted."""
    inner = ", ".join(f"{key}={quoted(value)}" for key, value in sorted(labels.items()))
    return f"{name}{{{inner}}}" if inner else name


def quoted(text: str) -> str:
    """A PromQL string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class _Dumper(yaml.SafeDumper):
    """Expressions of several lines stay readable."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
