"""What a model may ask for: typed queries whose parameters stand in the evidence already. Pure.

A query carries no text of the model's: it points at a field of a piece, and code takes the value
from there, behind the token. So nothing can be asked about that the evidence does not name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from triage.brief.redaction import Redacted
from triage.evidence.evidence import EvidenceBundle, Finding
from triage.evidence.units import CAUSE_FIELDS
from triage.model.reading import Query

_PLACE = re.compile(r"_\d{1,3}\Z")
_OF_SERVICE = frozenset({"logs_of", "changes_of", "traces_of"})


@dataclass(frozen=True)
class Inquiry:
    """A query that may be made: `field` and `value` are the evidence's own, in plain.

    `told` is the same in the model's words, for records.
    """

    query: str
    field: str
    value: str
    told: str


# Looks something up; None where there is nothing to see. Raises TillwatchError where it cannot.
Look = Callable[[EvidenceBundle, Inquiry], Finding | None]


def inquiry(query: Query, table: Redacted) -> Inquiry | str:
    """The query with its parameter, or why it may not be made."""
    if query.query == "breakdown_by":
        field = table.words.get(query.field, query.field)
        free = query.field not in table.words and field not in CAUSE_FIELDS
        if free or not _is_dimension(field):
            return f"{query.query}: no such dimension"
        return Inquiry(query.query, field, "", f"{query.query} {query.field}")
    piece = table.by_id(query.evidence_id)
    value = piece.numbers.get(query.field) if piece else None
    if not isinstance(value, str):
        return f"{query.query}: nothing stands there"
    raw = table.words.get(value, value)
    field = _field(query.field, table)
    told = f"{query.query} {value}"
    if query.query in _OF_SERVICE:
        if not field.endswith("service"):
            return f"{query.query}: that is no service"
        return Inquiry(query.query, "service", raw, told)
    if not _is_dimension(field):
        return f"{query.query}: that is no dimension"
    return Inquiry(query.query, field, raw, told)


def _field(name: str, table: Redacted) -> str:
    """The field in plain: `also_FIELD_1` is `attributes.promo`, `service_2` is `service`."""
    name = name.removeprefix("also_")
    if name in table.words:
        return table.words[name]
    bare = _PLACE.sub("", name)
    return table.words.get(bare, bare)


def _is_dimension(field: str) -> bool:
    return field in CAUSE_FIELDS or field.startswith("attributes.")
