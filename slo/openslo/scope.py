"""What one object may point at: all objects of a set of files, by kind and name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from slo.openslo.problems import Problems, suggest
from slo.openslo.source import SourceObject

API_VERSION = "openslo/v1"


@dataclass
class Scope:
    """Where faults go, and the other objects.

    A `closed` set (a folder) is whole: a reference that leads nowhere is a fault. In an open one
    (single files) it is a note, because the rest may stand elsewhere.
    """

    problems: Problems
    closed: bool = False
    _objects: dict[tuple[str, str], SourceObject] = field(default_factory=dict)

    def add_all(self, objects: Iterable[SourceObject]) -> None:
        """Take the objects in. Of equal names the first counts; the second is a fault.

        In an open set it is one only for what can be counted.
        """
        for one in objects:
            if not one.name or one.value.get("apiVersion") != API_VERSION:
                continue
            first = self._objects.setdefault((one.kind, one.name), one)
            if first is one:
                continue
            path = f"{one.path}.metadata.name"
            reason = f"this name of kind {one.kind} stands in {first.path.removesuffix(' $')} too"
            if self.closed or one.kind == "SLO":
                self.problems.add(path, one.name, reason)
            else:
                self.problems.note(f"{path}: {reason}")

    def has_kind(self, kind: str) -> bool:
        """True where the set holds any object of that kind."""
        return any(known == kind for known, _ in self._objects)

    def resolve(self, kind: str, name: str, path: str) -> SourceObject | None:
        """The object that a reference means; None, and a fault or a note, where there is none."""
        found = self._objects.get((kind, name))
        if found is not None or not name:
            return found
        if not self.closed:
            self.problems.note(f"{path}: no {kind} {name!r} in what was given")
            return None
        names = [known for one, known in self._objects if one == kind]
        hint = suggest(name, names) or f"; there is no {kind} at all"
        self.problems.add(path, name, f"leads nowhere: no {kind} has this name{hint}")
        return None
