"""One change, plain or as a CDEvent, becomes its stored form. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from collector.events.item import event_time
from kernel.clock import rfc3339
from kernel.errors import BadInput
from kernel.telemetry_store.port import ChangeRow

KINDS: Final = ("deploy", "flag", "config", "dependency", "other")
_MAX_TEXT = 500
_MAX_ATTRIBUTES = 32
_TEXTS = ("service", "summary", "version", "environment", "author", "url")
_CDEVENT = re.compile(
    r"dev\.cdevents\.service\.(deployed|upgraded|rolledback|published|removed)\.[0-9.]+(-\w+)?"
)


def change_of(item: Any, now_us: int) -> dict[str, Any]:
    """The stored form: kind, texts, `at` (RFC 3339), id and source where given, attributes.

    Raises BadInput with the path of the fault.
    """
    if not isinstance(item, Mapping):
        raise BadInput("a change is a JSON object", rule="change.object")
    match = _CDEVENT.fullmatch(str(item.get("type", "")))
    if match:
        return _from_cdevent(item, match[1], now_us)
    if "specversion" in item:
        raise BadInput(
            "only dev.cdevents.service.* events are changes", path="$.type", hint="or plain JSON"
        )
    kind = item.get("kind", "other")
    if kind not in KINDS:
        raise BadInput(f"kind is one of {', '.join(KINDS)}", path="$.kind")
    return _stored(item, {"kind": kind, "at": item.get("at") or item.get("time")}, now_us)


def change_row(stored: Mapping[str, Any], position: int, item: int, at_us: int) -> ChangeRow:
    """The telemetry row of a stored change."""
    texts = {name: str(stored.get(name, "")) for name in _TEXTS}
    return ChangeRow(
        position=position,
        item=item,
        at_us=at_us,
        kind=str(stored["kind"]),
        attributes=dict(stored.get("attributes", {})),
        **texts,
    )


def _from_cdevent(item: Mapping[str, Any], verb: str, now_us: int) -> dict[str, Any]:
    """CDEvents 0.4/0.5: subject.id is the service, artifactId its version (a package URL)."""
    data = item.get("data")
    subject = data.get("subject") if isinstance(data, Mapping) else None
    if not isinstance(subject, Mapping):
        raise BadInput("a CDEvent has a subject", path="$.data.subject")
    content = subject.get("content")
    content = content if isinstance(content, Mapping) else {}
    environment = content.get("environment")
    artifact = content.get("artifactId", "")
    service = subject.get("id")
    flat = {
        "id": item.get("id"),
        "source": item.get("source"),
        "service": service,
        "summary": f"{service} {verb}",
        "version": str(artifact).rpartition("@")[2] if artifact else "",
        "environment": environment.get("id", "") if isinstance(environment, Mapping) else "",
        "attributes": {"cdevent": str(item["type"]), "artifact": str(artifact)},
    }
    return _stored(flat, {"kind": "deploy", "at": item.get("time")}, now_us)


def _stored(texts: Mapping[str, Any], fixed: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    at_us, _ = event_time(fixed["at"], now_us)
    stored: dict[str, Any] = {"kind": fixed["kind"], "at": rfc3339(at_us)}
    for name in (*_TEXTS, "id", "source"):
        value = texts.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise BadInput("expected a string", path=f"$.{name}")
        if len(value) > _MAX_TEXT:
            raise BadInput(f"longer than {_MAX_TEXT} characters", path=f"$.{name}")
        stored[name] = value
    if not stored.get("service"):
        raise BadInput("a change names its service", path="$.service")
    stored.setdefault("summary", f"{fixed['kind']} of {stored['service']}")
    stored["attributes"] = _attributes(texts.get("attributes"))
    return stored


def _attributes(given: Any) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise BadInput("attributes is an object", path="$.attributes")
    if len(given) > _MAX_ATTRIBUTES:
        raise BadInput(f"more than {_MAX_ATTRIBUTES} attributes", path="$.attributes")
    for name, value in given.items():
        if not isinstance(value, str | int | float | bool) or len(str(value)) > _MAX_TEXT:
            raise BadInput(
                "an attribute is a short scalar",
                path=f"$.attributes.{name[:80]}",
                rule="change.attributes.value",
            )
    return dict(given)
