"""What a set of objective files would change, compared with the running one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slo.objective import Objective
from slo.openslo.annotations import write_annotations
from slo.openslo.export import document_of

Kind = Literal["new", "gone", "changed"]

# Fields (and all below them) that say what is counted: an edit makes a new generation.
_COUNTED = (
    "indicator",
    "annotations.tillwatch/segments",
    "annotations.tillwatch/deadlines",
)
_MEANINGS: Mapping[Kind, str] = {
    "new": "counted from the start of what the journal still holds",
    "gone": "its open alerts are closed; its counts are kept, and come back with it",
    "changed": "free: the same counts are read with it, back to the beginning",
}
_RECOUNT = (
    "a new generation: counted anew from what the journal still holds; what is older stays in "
    "the old generation and is not mixed in"
)


@dataclass(frozen=True)
class Edit:
    """One field before and after ("" where it was not there). `counted`: it says what counts."""

    field: str
    before: str
    after: str
    counted: bool


@dataclass(frozen=True)
class Change:
    """One objective that is new, gone or changed; generations are "" where there is none."""

    id: str
    kind: Kind
    generations: tuple[str, str]
    edits: tuple[Edit, ...] = ()

    @property
    def recounts(self) -> bool:
        """True where the objective is counted under a new generation."""
        return self.kind == "changed" and self.generations[0] != self.generations[1]

    @property
    def meaning(self) -> str:
        """What happens, in one sentence."""
        return _RECOUNT if self.recounts else _MEANINGS[self.kind]


def compare(running: Mapping[str, Objective], wanted: Mapping[str, Objective]) -> list[Change]:
    """All differences, by id."""
    found = []
    for name in sorted({*running, *wanted}):
        before, after = running.get(name), wanted.get(name)
        if before is None and after is not None:
            found.append(Change(name, "new", ("", after.generation)))
        elif before is not None and after is None:
            found.append(Change(name, "gone", (before.generation, "")))
        elif before is not None and after is not None and before != after:
            generations = (before.generation, after.generation)
            found.append(Change(name, "changed", generations, tuple(_edits(before, after))))
    return found


def _edits(before: Objective, after: Objective) -> list[Edit]:
    old, new = _fields(before), _fields(after)
    return [
        Edit(name, old.get(name, ""), new.get(name, ""), name.startswith(_COUNTED))
        for name in [*old, *(one for one in new if one not in old)]
        if old.get(name, "") != new.get(name, "")
    ]


def _fields(objective: Objective) -> dict[str, str]:
    """The export, flat: field -> text. What OpenSLO has one item of loses its index."""
    document = document_of(objective)
    spec = document["spec"]
    indicator = spec.pop("indicator")["spec"]
    found: dict[str, str] = {}
    parts = {
        "displayName": objective.display_name,
        "annotations": write_annotations(objective),
        **spec,
        "indicator": indicator,
    }
    for name, value in parts.items():
        _flatten(name, value, found)
    return found


def _flatten(name: str, value: Any, found: dict[str, str]) -> None:
    if isinstance(value, dict):
        for key, one in value.items():
            _flatten(f"{name}.{key}", one, found)
    elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        _flatten(name, value[0], found)
    elif isinstance(value, list):
        found[name] = ", ".join(str(one) for one in value)
    else:
        found[name] = str(value)
