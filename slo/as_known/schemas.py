"""What `GET /api/slos/{id}/as-known` answers. Times are RFC 3339."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, serialize_by_alias=True)


class FiguresOut(_Out):
    """Attempts of the window. `sli` is null where nothing was counted; `budget_left` and `bad_left`
    also where the budget is counted in time.
    """

    good: int
    bad: int
    excluded: int
    sli: float | None
    budget_left: float | None
    bad_left: int | None


class LateOut(_Out):
    """What is counted now less what was then: a revised outcome moves from one to another."""

    good: int
    bad: int
    excluded: int


class AsKnownOut(_Out):
    """One window [`from`, `at`) twice. `kept_by`: how finely it is kept what was known then."""

    id: str
    name: str
    at: str
    kept_by: Literal["minute", "day"]
    start: str = Field(alias="from")
    seconds: int
    then: FiguresOut
    now: FiguresOut
    late: LateOut
    sentence: str
