"""Bodies of replays."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from collector.deadletters.choosing import MAX_BATCH, Choice
from collector.deadletters.replay import Wish
from kernel.errors import BadInput

_MAX_ID = 100
_Shape = TypeVar("_Shape", bound=BaseModel)


class PatchIn(BaseModel):
    """Of one letter. `set`: a JSON merge patch (RFC 7396) for the item."""

    model_config = ConfigDict(extra="forbid", strict=True)
    set: dict[str, Any] | None = Field(default=None, max_length=64)
    dry_run: bool = False


class ReplayIn(PatchIn):
    """Of many: `ids`, or `all` that wait, of a rule and a source where these are given.

    `cursor` is the `next` of the batch before; `limit` bounds the batch.
    """

    ids: list[str] = Field(default_factory=list, max_length=MAX_BATCH)
    all: bool = False
    rule: str = Field(default="", max_length=120)
    source: str = Field(default="", max_length=200)
    cursor: str = Field(default="", max_length=40)
    limit: int = Field(default=MAX_BATCH, ge=1, le=MAX_BATCH)

    def wish(self) -> Wish:
        """What is wanted. Raises BadInput where it is neither `ids` nor `all`, or both."""
        if bool(self.ids) == self.all:
            raise BadInput(
                "name the dead letters in ids, or say all", path="$.ids", hint='{"all": true}'
            )
        if self.ids and (self.rule or self.source):
            raise BadInput("rule and source choose among all, not among ids", path="$.rule")
        ids = tuple(one[:_MAX_ID] for one in self.ids)
        choice = Choice(ids, self.rule, self.source, self.cursor, self.limit)
        return Wish(choice, self.set, self.dry_run)


def checked(shape: type[_Shape], document: Any) -> _Shape:
    """The document as its shape. Raises BadInput with the path of each fault."""
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        problems = [
            {"path": ".".join(["$", *map(str, one["loc"])]), "reason": one["msg"]}
            for one in error.errors()
        ]
        first = problems[0]
        raise BadInput(
            f"{first['path']}: {first['reason']}", path=str(first["path"]), problems=problems
        ) from None
