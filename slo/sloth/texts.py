"""Names and label sets, as Prometheus takes them."""

from __future__ import annotations

import re
from typing import Any

from slo.openslo.problems import Problems
from slo.rules.rule import LABEL_NAME

# https://github.com/slok/sloth, pkg/common/conventions: names of services and SLOs.
_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?\Z")
MAX_LABELS = 64
_LONGEST = 4096


def read_name(value: Any, path: str, problems: Problems) -> str:
    """A name of a service or an SLO; "" and a fault otherwise."""
    name = problems.text(value, path)
    if value is not None and isinstance(value, str) and not _NAME.match(name):
        problems.add(
            path,
            name or '""',
            "letters, digits, dots, dashes and underscores are wanted, first and last a letter or "
            "digit",
        )
    return name


def read_labels(value: Any, path: str, problems: Problems) -> dict[str, str]:
    """Labels or annotations: names that Prometheus takes, values that are text."""
    if value is None:
        return {}
    found: dict[str, str] = {}
    for name, text in problems.mapping(value, path).items():
        place = f"{path}.{name}"
        if not LABEL_NAME.match(name) or name.startswith("__"):
            problems.add(
                place, "", "not a label name: letters, digits and underscores, no digit first"
            )
        elif isinstance(text, bool) or not isinstance(text, str):
            problems.add(place, text, "text is wanted here (put it in quotes)")
        else:
            found[name] = problems.text(text, place, longest=_LONGEST)
    if len(found) > MAX_LABELS:
        problems.add(path, f"{len(found)} labels", f"at most {MAX_LABELS} are taken")
    return found
