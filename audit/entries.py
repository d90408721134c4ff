"""What other packages hand to the log: entries, actors and payloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ActorKind = Literal["human", "model", "service", "system"]
PayloadClass = Literal["public", "internal", "personal", "secret"]
Outcome = Literal["ok", "denied", "error"]


@dataclass(frozen=True)
class Actor:
    """Who did it. `ref` is a person_id or a component's name, never a person's name."""

    kind: ActorKind
    ref: str
    auth: str = ""
    session: str = ""


@dataclass(frozen=True)
class Payload:
    """Text or bytes kept beside the record; the record holds only a salted digest of them."""

    data: bytes
    klass: PayloadClass = "internal"


@dataclass(frozen=True)
class Entry:
    """One record to be written.

    `type` is one of `audit.record_types`; `data` holds what that type allows: small, no personal
    data, no floats (strings, integers, booleans, lists, dicts; keys `[a-z0-9_]{1,40}`). Free text,
    prompts and answers go into `payloads`. `parent` names the records that this one answers.
    """

    type: str
    actor: Actor
    subject_kind: str
    subject_ref: str
    outcome: Outcome = "ok"
    incident: str = ""
    parent: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    payloads: Mapping[str, Payload] = field(default_factory=dict)
    trace_id: str = ""
    channel: str = ""
    request_id: str = ""
