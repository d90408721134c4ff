"""A status page's `/api/v2/summary.json`, cut down to what is used. Pure.

The form of Atlassian Statuspage, which others speak too. Every text in it is a stranger's: bounded
here, redacted before it is stored, and never an address that we call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from collector.changes.change import link_of
from kernel.clock import parse_rfc3339
from kernel.errors import BadInput
from kernel.quoting import cut

FORMAT: Final = "statuspage.summary"
MAX_COMPONENTS: Final = 500
MAX_INCIDENTS: Final = 50
_MAX_TEXT = 200
OVER: Final = frozenset({"resolved", "postmortem", "completed"})
_RUNNING = ("in_progress", "verifying")


class Component(msgspec.Struct, frozen=True):
    """A part of the vendor's service."""

    id: str
    name: str
    status: str
    updated_us: int


class Incident(msgspec.Struct, frozen=True):
    """An open incident, or a maintenance that is going on (impact `maintenance`)."""

    id: str
    name: str
    status: str
    impact: str
    begun_us: int
    updated_us: int
    url: str
    components: tuple[str, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """What the page says.

    `indicator`: its own word for all of it; `updated_us`: the page's own time, 0 where it has none.
    """

    vendor: str
    indicator: str
    components: tuple[Component, ...] = ()
    incidents: tuple[Incident, ...] = ()
    updated_us: int = 0

    @property
    def state(self) -> str:
        """The vendor's state in one word: an open incident beats whatever the page's light says."""
        impacts = [one.impact for one in self.incidents]
        for impact in ("critical", "major", "minor"):
            if impact in impacts:
                return f"{impact} incident"
        if any(impact != "maintenance" for impact in impacts):
            return "incident"
        troubled = [one.status for one in self.components if one.status != "operational"]
        if "maintenance" in impacts:
            return "maintenance"
        if troubled:
            return troubled[0].replace("_", " ")
        return "operational" if self.indicator == "none" else self.indicator


def summary_of(document: Any, vendor: str) -> Summary:
    """Raises BadInput where this is no status summary."""
    if not isinstance(document, Mapping) or not isinstance(document.get("page"), Mapping):
        raise BadInput("a status summary is an object with a page", path="$.page")
    light = document.get("status")
    indicator = light.get("indicator") if isinstance(light, Mapping) else None
    if not isinstance(indicator, str):
        raise BadInput("a status summary has an indicator", path="$.status.indicator")
    open_ = [
        _incident(one)
        for one in _objects(document, "incidents")
        if one.get("status") not in OVER  # what is over may still be listed
    ]
    running = [
        _incident(one, impact="maintenance")
        for one in _objects(document, "scheduled_maintenances")
        if one.get("status") in _RUNNING
    ]
    return Summary(
        vendor=vendor,
        indicator=cut(indicator, _MAX_TEXT),
        components=tuple(
            _component(one)
            for one in _objects(document, "components")[:MAX_COMPONENTS]
            if not one.get("group")
        ),
        incidents=tuple([*open_, *running][:MAX_INCIDENTS]),
        updated_us=_time(document["page"].get("updated_at")),
    )


def _component(one: Mapping[str, Any]) -> Component:
    return Component(
        id=_text(one, "id", "$.components.id"),
        name=_text(one, "name", "$.components.name"),
        status=_text(one, "status", "$.components.status"),
        updated_us=_time(one.get("updated_at")),
    )


def _incident(one: Mapping[str, Any], impact: str = "") -> Incident:
    parts = [part.get("name") for part in _objects(one, "components")]
    return Incident(
        id=_text(one, "id", "$.incidents.id"),
        name=_text(one, "name", "$.incidents.name"),
        status=_text(one, "status", "$.incidents.status"),
        impact=impact or cut(str(one.get("impact") or "none"), _MAX_TEXT),
        begun_us=_time(one.get("started_at") or one.get("created_at")),
        updated_us=_time(one.get("updated_at") or one.get("created_at")),
        url=link_of(one.get("shortlink")),
        components=tuple(cut(name, _MAX_TEXT) for name in parts[:10] if isinstance(name, str)),
    )


def _objects(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = document.get(name) or []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise BadInput("expected a list of objects", path=f"$.{name}")
    return found


def _text(one: Mapping[str, Any], name: str, path: str) -> str:
    value = one.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput("expected a text", path=path)
    return cut(value, _MAX_TEXT)


def _time(value: Any) -> int:
    """Microseconds; 0 where the page gives no time that can be read."""
    try:
        return max(0, parse_rfc3339(value)) if isinstance(value, str) else 0
    except (ValueError, OverflowError):
        return 0
