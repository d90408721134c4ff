"""What pages and the API show of the log."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class ActorOut(BaseModel):
    """Who did it; `ref` is a person_id or a component."""

    kind: str
    ref: str
    auth: str
    session: str


class SubjectOut(BaseModel):
    """What it was done to."""

    kind: str
    ref: str


class CommitOut(BaseModel):
    """A payload that lies beside the record."""

    model_config = ConfigDict(populate_by_name=True)
    name: str
    digest: str
    klass: str


class RecordOut(BaseModel):
    """One record. `seq` is None until it is a leaf; `checkpointed`: a signature covers it."""

    seq: int | None
    id: str
    at: str
    type: str
    actor: ActorOut
    subject: SubjectOut
    incident: str
    outcome: str
    data: dict[str, Any]
    checkpointed: bool
    parent: list[str]
    payloads: list[CommitOut]
    trace_id: str


class CheckpointOut(BaseModel):
    """The newest signed tree head. `root` in hex; `at`: time of the newest record it covers."""

    origin: str
    size: int
    root: str
    at: str
    note: str
