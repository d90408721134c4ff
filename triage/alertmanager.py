"""Alertmanager's webhook, version 4, into deliveries. Pure.

One alert that cannot be read is set aside with its reason and takes none of the others with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.strict_json import loads
from triage.identity import Delivery, is_echo

SOURCE = "alertmanager"
_MAX_LABELS = 64
_MAX_TEXT = 2_000
_MAX_TRUNCATED = 1_000_000  # counts are added up: no post may make the sum overflow
_MAX_NAME = 200
_SERVICE_LABELS = ("service", "service_name", "job", "app")
_OBJECTIVE_LABELS = ("slo", "objective", "sloth_slo", "tillwatch_slo")
_SURROGATE = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_TITLE_ANNOTATIONS = ("summary", "title", "message", "description")


@dataclass(frozen=True)
class Broken:
    """An alert of the batch that could not be read. `index` -1: the whole body."""

    index: int
    reason: str


@dataclass(frozen=True)
class Batch:
    """What one post told. `echoes` are our own alerts that came back; `truncated` alerts of the
    group were left out by the sender (its `max_alerts`).
    """

    deliveries: tuple[Delivery, ...] = ()
    broken: tuple[Broken, ...] = ()
    echoes: int = 0
    truncated: int = 0
    group_key: str = ""


class _Envelope(msgspec.Struct):
    """Only cuts the body into its alerts; each piece then goes through the strict reader."""

    alerts: list[msgspec.Raw] = []
    groupKey: Any = ""  # noqa: N815 - the sender's name
    truncatedAlerts: Any = 0  # noqa: N815


def parse(body: bytes) -> Batch:
    """Read a whole post. Never raises: what cannot be read is in `broken`."""
    try:
        envelope, alerts = _read(body)
    except BadInput as error:
        return Batch(broken=(Broken(-1, error.message),))
    group_key = envelope.get("groupKey")
    group_key = group_key[:_MAX_TEXT] if isinstance(group_key, str) else ""
    truncated = envelope.get("truncatedAlerts")
    deliveries: list[Delivery] = []
    broken: list[Broken] = []
    echoes = 0
    for index, alert in enumerate(alerts):
        try:
            value = loads(bytes(alert)) if isinstance(alert, msgspec.Raw) else alert
            delivery = _delivery(value, group_key)
        except BadInput as error:
            broken.append(Broken(index, f"{error.path}: {error.message}"[:500]))
            continue
        if is_echo(delivery.labels):
            echoes += 1
        else:
            deliveries.append(delivery)
    return Batch(
        deliveries=tuple(deliveries),
        broken=tuple(broken),
        echoes=echoes,
        truncated=min(max(truncated, 0), _MAX_TRUNCATED) if type(truncated) is int else 0,
        group_key=group_key,
    )


def _read(body: bytes) -> tuple[Mapping[str, Any], list[Any]]:
    """The envelope and its alerts; cut by hand where the strict reader refuses the whole."""
    try:
        value = loads(body)
    except BadInput as refusal:
        try:
            cut = msgspec.json.decode(_mended(body), type=_Envelope)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise refusal from None
        return {"groupKey": cut.groupKey, "truncatedAlerts": cut.truncatedAlerts}, list(cut.alerts)
    if not isinstance(value, dict):
        raise BadInput("the body is not a JSON object")
    alerts = value.get("alerts")
    if not isinstance(alerts, list):
        raise BadInput("there is no list of alerts", path="$.alerts")
    return value, alerts


def _mended(body: bytes) -> bytes:
    """Broken characters become U+FFFD: a page with a wrong letter is better than none."""
    text = body.decode("utf-8", "replace").encode()
    return _SURROGATE.sub(lambda match: b"\\ufffd" if match.group(1) else match.group(0), text)


def _delivery(alert: Any, group_key: str) -> Delivery:
    if not isinstance(alert, dict):
        raise BadInput("an alert must be a JSON object")
    labels = _texts(alert, "labels")
    annotations = _texts(alert, "annotations")
    status = alert.get("status")
    if status not in ("firing", "resolved"):
        raise BadInput(f"neither firing nor resolved: {str(status)[:40]!r}", path="$.status")
    fingerprint = alert.get("fingerprint")
    if not isinstance(fingerprint, str) or not fingerprint or len(fingerprint) > 128:
        raise BadInput("there is no fingerprint of 1 to 128 characters", path="$.fingerprint")
    starts_us = _time(alert, "startsAt")
    if starts_us is None:
        raise BadInput("there is no start", path="$.startsAt")
    resolved = status == "resolved"
    link = alert.get("generatorURL")
    return Delivery(
        source=SOURCE,
        fingerprint=fingerprint,
        starts_us=starts_us,
        resolved=resolved,
        ends_us=_time(alert, "endsAt") if resolved else None,
        onset_us=starts_us,
        group_key=group_key,
        objective_id=_first(labels, _OBJECTIVE_LABELS)[:_MAX_NAME],
        service=_first(labels, _SERVICE_LABELS)[:_MAX_NAME],
        title=_first(annotations, _TITLE_ANNOTATIONS) or labels.get("alertname", ""),
        labels=labels,
        annotations=annotations,
        link=link[:_MAX_TEXT] if isinstance(link, str) else "",
    )


def _texts(alert: Mapping[str, Any], name: str) -> dict[str, str]:
    value = alert.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise BadInput("must be an object of strings", path=f"$.{name}")
    if len(value) > _MAX_LABELS:
        raise BadInput(f"more than {_MAX_LABELS} entries", path=f"$.{name}")
    return {key[:200]: text[:_MAX_TEXT] for key, text in value.items()}


def _time(alert: Mapping[str, Any], name: str) -> int | None:
    """Microseconds; None where absent or Go's zero time (year 1)."""
    text = alert.get(name)
    if text is None or text == "":
        return None
    if not isinstance(text, str):
        raise BadInput("a time must be a string", path=f"$.{name}")
    try:
        at_us = parse_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise BadInput(str(error), path=f"$.{name}") from None
    return at_us if at_us > 0 else None


def _first(values: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((values[name] for name in names if values.get(name)), "")
