"""`metadata` of every kind: names, labels and annotations by OpenSLO's rules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slo.openslo.problems import Problems

PREFIX = "tillwatch/"
LONGEST_TITLE = 63
LONGEST_TEXT = 1050
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_KEY = re.compile(r"[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?\Z")
_DOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*\Z")
_LONGEST_DOMAIN = 253


@dataclass(frozen=True)
class Metadata:
    """The checked head of an object. `annotations` are those that are text."""

    name: str = ""
    title: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


def read_metadata(value: Any, path: str, problems: Problems, *, ours: bool = False) -> Metadata:
    """The head of an object. `ours`: annotations under `tillwatch/` have a meaning here."""
    if value is None:
        return Metadata()
    allowed = ("name", "displayName", "labels", "annotations")
    fields = problems.fields(value, path, allowed, ("name",))
    title = problems.text(fields.get("displayName"), f"{path}.displayName", longest=LONGEST_TITLE)
    _labels(fields.get("labels"), f"{path}.labels", problems)
    annotations = _annotations(fields.get("annotations"), f"{path}.annotations", problems)
    if not ours:
        for name in annotations:
            if name.startswith(PREFIX):
                place = f"{path}.annotations['{name}']"
                problems.add(place, "", "annotations of Tillwatch belong to the SLO")
    return Metadata(read_name(fields.get("name"), f"{path}.name", problems), title, annotations)


def read_name(value: Any, path: str, problems: Problems) -> str:
    """An RFC 1123 label; "" and a fault (or nothing, where `value` is None) otherwise."""
    name = problems.text(value, path)
    if (name or value == "") and not _LABEL.match(name):
        problems.add(
            path, name or "''", "lower case letters, digits and dashes are wanted (at most 63)"
        )
        return ""
    return name


def _labels(value: Any, path: str, problems: Problems) -> None:
    if value is None:
        return
    for key, label in problems.mapping(value, path).items():
        place = f"{path}.{key}"
        if not _KEY.match(key):
            problems.add(place, "", "not a label: letters, digits, dots and dashes (at most 63)")
        values = label if isinstance(label, list) else [label]
        if any(not isinstance(one, str) for one in values):
            problems.add(place, label, "text or a list of texts is wanted (put it in quotes)")


def _annotations(value: Any, path: str, problems: Problems) -> dict[str, str]:
    if value is None:
        return {}
    found = {}
    for key, text in problems.mapping(value, path).items():
        place = f"{path}['{key}']"
        domain, slash, name = key.rpartition("/")
        if not _KEY.match(name) or (slash and not _is_domain(domain)):
            problems.add(place, "", 'not an annotation: write "name" or "domain.example/name"')
        elif not isinstance(text, str):
            problems.add(place, text, "annotations are text: put the value in quotes")
        else:
            found[key] = text
    return found


def _is_domain(text: str) -> bool:
    return len(text) <= _LONGEST_DOMAIN and _DOMAIN.match(text) is not None
