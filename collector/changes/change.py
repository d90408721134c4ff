"""One change, plain or as a CDEvent, becomes its stored form, and that its row. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final

from collector.changes import cdevents
from collector.events.item import event_time
from kernel.clock import rfc3339
from kernel.errors import BadInput
from kernel.quoting import cut, quoted
from kernel.telemetry_store.port import ChangeRow

KINDS: Final = ("deploy", "flag", "config", "dependency", "other")
# Attributes of a row that are ours: where it came from, and that it takes something back.
SOURCE: Final = "tillwatch.source"
ROLLBACK: Final = "rollback"
_MAX_TEXT = 500
_MAX_ATTRIBUTES = 32
MAX_FILES = 200
MAX_DIFF_CHARS = 60_000
_TEXTS = ("service", "summary", "version", "environment", "author", "url")
_FIELDS: Final = frozenset(
    (
        *(*_TEXTS, "id", "source", "kind", "at", "time", "artifact", "rollback", "attributes"),
        *("commit", "files", "diff"),
    )
)
_LINK = re.compile(r"https?://[^\s\"'<>]+\Z")


def change_of(item: Any, now_us: int) -> dict[str, Any]:
    """The stored form: kind, texts, `at` (RFC 3339), id and source where given, attributes.

    Raises BadInput with the path of the fault.
    """
    if not isinstance(item, Mapping):
        raise BadInput("a change is a JSON object", rule="change.object")
    verb = cdevents.verb_of(item.get("type"))
    if verb:
        return stored(cdevents.described(item, verb), now_us)
    if "specversion" in item or str(item.get("type", "")).startswith(cdevents.PREFIX):
        raise BadInput(
            "only dev.cdevents.service.* events are changes", path="$.type", hint="or plain JSON"
        )
    _check_fields(item)
    return stored(item, now_us)


def stored(fields: Mapping[str, Any], now_us: int) -> dict[str, Any]:
    """The stored form of the plain form's fields. Raises BadInput with the path of the fault."""
    kind = fields.get("kind", "other")
    if kind not in KINDS:
        raise BadInput(f"kind is one of {', '.join(KINDS)}", path="$.kind")
    at_us, _ = event_time(fields.get("at") or fields.get("time"), now_us)
    found: dict[str, Any] = {"kind": kind, "at": rfc3339(at_us)}
    for name in (*_TEXTS, "id", "source"):
        value = _text(fields, name)
        if value is not None:
            found[name] = value
    if not found.get("service"):
        raise BadInput("a change names its service", path="$.service")
    if found.get("url") and not _LINK.match(found["url"]):
        raise BadInput("a link is an http or https address", path="$.url")
    found.setdefault("summary", f"{kind} of {found['service']}")
    found["attributes"] = _attributes(fields.get("attributes")) | _own(fields)
    return found


def change_row(one: Mapping[str, Any], position: int, item: int, at_us: int) -> ChangeRow:
    """The telemetry row of a stored change."""
    texts = {name: str(one.get(name, "")) for name in _TEXTS}
    attributes = dict(one.get("attributes", {}))
    if one.get("source"):
        attributes[SOURCE] = str(one["source"])
    return ChangeRow(
        position=position,
        item=item,
        at_us=at_us,
        kind=str(one["kind"]),
        attributes=attributes,
        **texts,
    )


def link_of(*candidates: Any) -> str:
    """The first of them that is an http or https address of bearable length; "" for none."""
    for one in candidates:
        if isinstance(one, str) and len(one) <= _MAX_TEXT and _LINK.match(one):
            return one
    return ""


def _check_fields(item: Mapping[str, Any]) -> None:
    """A misspelt field is a mistake: taken silently, the change would lack what it was to say."""
    for name in item:
        if name in _FIELDS:
            continue
        near = difflib.get_close_matches(str(name).lower(), sorted(_FIELDS), n=1)
        raise BadInput(
            f"unknown field {quoted(str(name))}",
            path=f"$.{cut(str(name), 80)}",
            hint=f"did you mean {near[0]}?" if near else "own fields go under attributes",
            rule="change.field",
        )


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadInput("expected a string", path=f"$.{name}")
    if len(value) > _MAX_TEXT:
        raise BadInput(f"longer than {_MAX_TEXT} characters", path=f"$.{name}")
    return value


def _own(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What has a field of its own in the plain form and is an attribute of the row."""
    found: dict[str, Any] = {}
    if artifact := _text(fields, "artifact"):
        found["artifact"] = artifact
    rollback = fields.get(ROLLBACK, False)
    if not isinstance(rollback, bool):
        raise BadInput("rollback is true or false", path=f"$.{ROLLBACK}")
    if rollback:
        found[ROLLBACK] = True
    return found | _code(fields)


def _code(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Which commit it is, the files that it touches (a line each) and its diff."""
    found: dict[str, Any] = {}
    if commit := _text(fields, "commit"):
        found["commit"] = commit
    files = fields.get("files")
    if files is not None:
        whole = isinstance(files, list) and all(isinstance(one, str) for one in files)
        if not whole or len(files) > MAX_FILES or any(len(one) > _MAX_TEXT for one in files):
            raise BadInput(f"files is a list of at most {MAX_FILES} paths", path="$.files")
        found["files"] = "\n".join(files)
    diff = fields.get("diff")
    if diff is not None:
        if not isinstance(diff, str):
            raise BadInput("expected a string", path="$.diff")
        if len(diff) > MAX_DIFF_CHARS:
            raise BadInput(
                f"longer than {MAX_DIFF_CHARS} characters",
                path="$.diff",
                hint="send the diff of code and settings alone, without lock files",
            )
        found["diff"] = diff
    return found


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
                path=f"$.attributes.{cut(name, 80)}",
                rule="change.attributes.value",
            )
    return dict(given)
