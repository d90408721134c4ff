"""From the text of a file to its OpenSLO objects: YAML or JSON, one object, a list, documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kernel import strict_json
from kernel.errors import BadInput
from slo.openslo.problems import Problem, Problems
from slo.openslo.yaml_source import MAX_CHARACTERS, MAX_DEPTH, SourceFault, documents

MAX_OBJECTS = 5000


@dataclass(frozen=True)
class SourceObject:
    """One object of a file. `path` names it: `payment.yaml#0 $`."""

    path: str
    value: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What the object says it is; "" where that is no text."""
        found = self.value.get("kind")
        return found if isinstance(found, str) else ""

    @property
    def name(self) -> str:
        """`metadata.name`; "" where there is none."""
        metadata = self.value.get("metadata")
        found = metadata.get("name") if isinstance(metadata, dict) else None
        return found if isinstance(found, str) else ""


def objects_of(text: str, origin: str, problems: Problems) -> list[SourceObject]:
    """The objects of one file; what is no mapping is a fault. Never raises for content."""
    try:
        found = _documents(text, origin)
    except SourceFault as fault:
        problems.found.append(Problem(origin or "$", "", str(fault)))
        return []
    values = [
        one
        for document in found
        for one in (document if isinstance(document, list) else [document])
    ]
    if not values:
        problems.add(origin or "$", "", "the file holds no object")
    if len(values) > MAX_OBJECTS:
        problems.add(origin or "$", f"{len(values)} objects", f"at most {MAX_OBJECTS} in one file")
        return []
    objects = []
    for index, value in enumerate(values):
        path = f"{origin}#{index} $" if origin else f"#{index} $" if len(values) > 1 else "$"
        if isinstance(value, dict):
            objects.append(SourceObject(path, value))
        else:
            problems.add(path, value, "an OpenSLO object (a mapping) is wanted")
    return objects


def _documents(text: str, origin: str) -> list[Any]:
    """JSON is read as JSON: YAML knows neither its tabs nor all of its escapes."""
    if len(text) > MAX_CHARACTERS:
        raise SourceFault(f"longer than {MAX_CHARACTERS} characters")
    if text.lstrip()[:1] not in {"{", "["}:
        return documents(text)
    try:
        found = strict_json.loads(text, max_depth=MAX_DEPTH, exact_fractions=True)
    except BadInput as error:
        if origin.endswith(".json"):
            raise SourceFault(error.message) from None
        return documents(text)
    return [found]
