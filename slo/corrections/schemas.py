"""JSON of corrections: what is proposed and decided, and what is answered. Times are RFC 3339."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kernel.errors import BadInput
from slo.schemas import CountsOut, MoneyOut

Category = Literal["scheduled_maintenance", "outside_business_hours", "deployment", "other"]
CATEGORIES: tuple[Category, ...] = (
    "scheduled_maintenance",
    "outside_business_hours",
    "deployment",
    "other",
)
MAX_REASON = 1_000
MAX_OBJECTIVES = 50
_MAX_LABELS = 8
_Shape = TypeVar("_Shape", bound=BaseModel)


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class CorrectionIn(_In):
    """A proposal. Either `objectives` or `service`; `rule` needs a `zone`.

    Without a `zone` the times are RFC 3339 with an offset; with one they are wall clock times
    (`2026-12-07T02:00`) of it, those of the first occurrence.
    """

    category: Category
    reason: str = Field(min_length=1, max_length=MAX_REASON)
    objectives: list[str] = Field(default_factory=list, max_length=MAX_OBJECTIVES)
    service: str = Field(default="", max_length=100)
    segment: dict[str, str] = Field(default_factory=dict, max_length=_MAX_LABELS)
    begins: str = Field(alias="from", max_length=40)
    ends: str = Field(alias="to", max_length=40)
    zone: str = Field(default="", max_length=60)
    rule: str = Field(default="", max_length=250)


class DecisionIn(_In):
    """What a person says to a correction."""

    decision: Literal["approve", "reject", "withdraw", "end"]
    reason: str = Field(default="", max_length=MAX_REASON)


class OccurrenceOut(_Out):
    """Once: [from, to)."""

    begins: str = Field(alias="from")
    to: str


class CorrectionOut(_Out):
    """One correction. `when` says its schedule in words; `next` are its next three occurrences."""

    id: str
    state: Literal["proposed", "approved", "rejected", "expired", "withdrawn", "ended"]
    category: Category
    reason: str
    service: str
    objectives: list[str]
    segment: dict[str, str]
    begins: str = Field(alias="from")
    to: str
    zone: str
    rule: str
    when: str
    next: list[OccurrenceOut]
    proposed_by: str
    proposed_by_id: str
    proposed_at: str
    expires_at: str | None
    decided_by: str
    decided_at: str | None
    decision_reason: str
    closed_by: str
    closed_at: str | None
    closing_reason: str


class FiguresOut(_Out):
    """How an objective stands in its window; null where nothing counts."""

    counts: CountsOut
    sli: float | None
    budget_left: float | None
    bad_left: int | None
    state: str
    money: list[MoneyOut]


class EffectOut(_Out):
    """What the correction does to one objective, computed from the ledger now.

    `before` is without it, `after` with it; other approved corrections are in both. `occurrences`
    and `seconds` are those inside the objective's window.
    """

    objective: str
    name: str
    target: float
    begins: str = Field(alias="from")
    to: str
    occurrences: int
    seconds: int
    before: FiguresOut
    after: FiguresOut
    says: str


class CorrectionWithPreviewOut(CorrectionOut):
    """One correction with its effect on each of its objectives that are still defined."""

    preview: list[EffectOut]


class CorrectionListOut(_Out):
    """Newest first, at most 500."""

    corrections: list[CorrectionOut]


def checked(shape: type[_Shape], document: Any) -> _Shape:
    """The document in its shape. Raises BadInput that names every fault with its place."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        problems = [
            {"path": ".".join(["$", *map(str, one["loc"])]), "reason": one["msg"]}
            for one in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        first = problems[0]
        raise BadInput(
            f"{first['path']}: {first['reason']}", path=first["path"], problems=problems
        ) from None
