"""What the API document says of `POST /api/events`; the door itself checks by its own means."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from kernel.shop_event import CANONICAL_TYPES, DERIVED_TYPES


class EventData(BaseModel):
    """Fields that are counted by; all others are kept as attributes."""

    model_config = ConfigDict(extra="allow")

    checkout_id: str | None = Field(default=None, max_length=200)
    order_id: str | None = Field(default=None, max_length=200)
    payment_id: str | None = Field(default=None, max_length=200, description="one per attempt")
    session_id: str | None = Field(default=None, max_length=200)
    amount_minor: int | None = Field(default=None, ge=0, lt=1 << 53, description="minor units")
    currency: str | None = Field(default=None, pattern="^[A-Z]{3}$", description="ISO 4217")
    provider: str | None = Field(default=None, max_length=200)
    method: str | None = Field(default=None, max_length=200)
    country: str | None = Field(default=None, max_length=200)
    region: str | None = Field(default=None, max_length=200)
    channel: str | None = Field(default=None, max_length=200)
    release: str | None = Field(default=None, max_length=200)
    step: str | None = Field(default=None, max_length=200)
    outcome: str | None = Field(default=None, max_length=200)
    decline_class: Literal["issuer", "fraud", "authentication", "customer", "technical"] | None = (
        None
    )
    decline_code: str | None = Field(default=None, max_length=200)
    error_type: str | None = Field(default=None, max_length=200)
    latency_ms: float | None = Field(default=None, ge=0, lt=1e12)
    trace_id: str | None = Field(default=None, max_length=200)
    span_id: str | None = Field(default=None, max_length=200)
    origin: Literal["backend", "browser"] | None = None
    attributes: dict[str, str | int | float | bool | None] | None = None


class Event(BaseModel):
    """A shop event: CloudEvents 1.0, or plain JSON with less around it."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        max_length=200,
        description="one of the shop's types, or a type of your own with the name of a domain",
        examples=sorted(CANONICAL_TYPES - DERIVED_TYPES),
    )
    id: str | None = Field(default=None, max_length=200, description="made up where it is missing")
    source: str | None = Field(default=None, max_length=200, description="default: the sender")
    specversion: Literal["1.0"] | None = None
    time: str | None = Field(default=None, json_schema_extra={"format": "date-time"})
    data: EventData | None = None


class Rejected(BaseModel):
    """One item that was not taken, and why."""

    index: int
    path: str
    reason: str


class Generated(BaseModel):
    """The id that an item got because it had none."""

    index: int
    id: str


class Accepted(BaseModel):
    """All that was accepted is on disk; the receipt can be asked for at `/api/receipts/{id}`."""

    receipt: str
    accepted: int
    duplicates: int
    rejected: list[Rejected]
    generated_ids: list[Generated] | None = None


_ONE: Final = Event.model_json_schema(ref_template="#/components/schemas/{model}")
_MANY: Final = {"type": "array", "items": _ONE, "maxItems": 1000}
REQUEST: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": "access_token",
            "in": "query",
            "required": False,
            "description": "a token, where the sender cannot set the header Authorization",
            "schema": {"type": "string"},
        }
    ],
    "requestBody": {
        "required": True,
        "description": "one event, an array of events, or one event a line; in binary mode the"
        " attributes stand in `ce-` headers and the body is the data",
        "content": {
            "application/json": {"schema": {"anyOf": [_ONE, _MANY]}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "application/cloudevents+json": {"schema": _ONE},
            "application/cloudevents-batch+json": {"schema": _MANY},
        },
    },
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": why, "content": {"application/problem+json": {}}}
    for status, why in (
        (400, "the body, or the one event in it, cannot be used"),
        (401, "nobody is known by this token"),
        (403, "this token may not send events"),
        (413, "the body is too large, or holds more than 1,000 events"),
        (415, "the format is not supported"),
        (429, "too many requests: wait for Retry-After"),
        (503, "nothing was stored: try again after Retry-After"),
    )
}
