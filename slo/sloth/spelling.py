"""How the same field is written: `page_alert` in prometheus/v1, `pageAlert` in Kubernetes.

In a prometheus/v1 spec Sloth takes the Kubernetes spelling without a word, and drops what it says
(its own examples of valid specs do it). Here it is read as meant, with a note.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slo.openslo.problems import Problems
from slo.sloth.model import KUBERNETES, PROMETHEUS


@dataclass(frozen=True)
class Words:
    """The spelling of one form. `sections` gives the fields of each part, in snake case."""

    spec: str
    camel: bool

    def spelled(self, name: str) -> str:
        """The name as this form writes it."""
        return _camel(name) if self.camel else name

    def fields(
        self,
        value: Any,
        path: str,
        problems: Problems,
        *,
        required: Sequence[str] = (),
    ) -> Mapping[str, Any]:
        """The fields of the part that `path` ends with, by their names in snake case."""
        known = _SECTIONS[_section(path)]
        wanted = [self.spelled(name) for name in required]
        if not isinstance(value, dict):
            problems.add(path, value, "a mapping is wanted here")
            return {}
        other = {} if self.camel else {_camel(name): name for name in known if "_" in name}
        mended: dict[str, Any] = {}
        for key, inner in value.items():
            meant = other.get(key)
            if meant is None or meant in value:
                mended[key] = inner
                continue
            mended[meant] = inner
            problems.note(
                f"{path}.{key}: the Kubernetes spelling, read as {meant}; "
                "Sloth itself drops it here without a word"
            )
        allowed = [self.spelled(name) for name in known]
        problems.fields(mended, path, allowed, wanted)
        return {name: mended[self.spelled(name)] for name in known if self.spelled(name) in mended}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _section(path: str) -> str:
    last = path.rpartition(".")[2]
    if last.startswith("slos["):
        return "slo"
    if last in _SECTIONS:
        return last
    return "alert" if last in _ALERTS else "service"


_ALERTS = {"page_alert", "ticket_alert", "pageAlert", "ticketAlert"}
_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "service": ("version", "service", "labels", "slos", "slo_plugins"),
    "slo": ("name", "description", "objective", "labels", "sli", "alerting", "plugins"),
    "sli": ("events", "raw", "plugin"),
    "events": ("error_query", "total_query"),
    "raw": ("error_ratio_query",),
    "plugin": ("id", "options"),
    "alerting": ("name", "labels", "annotations", "page_alert", "ticket_alert"),
    "alert": ("disable", "labels", "annotations"),
}
PROMETHEUS_WORDS = Words(PROMETHEUS, camel=False)
KUBERNETES_WORDS = Words(KUBERNETES, camel=True)
