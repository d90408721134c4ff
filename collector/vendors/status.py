"""What differs between two readings of a vendor's status page, as changes. Pure.

An incident is known by its id and the time of its update: the same reading twice is no news, and an
older one (pages are cached) changes nothing. An incident that the page no longer lists is over. At
first sight an open incident is news, for it has a time of its own; a component that works is not.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from collector.vendors.summary import OVER, Component, Incident, Summary
from kernel.clock import rfc3339

VENDOR: Final = "vendor"
_WORKS = "operational"


class VendorState(msgspec.Struct):
    """What was last told: open incidents by id, and components that do not work by id.

    `updated_us`: the page's own time of the newest reading, 0 where it names none.
    """

    incidents: dict[str, Incident] = {}
    components: dict[str, Component] = {}
    updated_us: int = 0


def changes_of(
    state: VendorState, seen: Summary, seen_us: int
) -> tuple[VendorState, list[dict[str, Any]]]:
    """The new state, and what to tell (stored changes of the kind `vendor`)."""
    if 0 < seen.updated_us < state.updated_us:
        return state, []  # a cached copy: what it does not list yet is not over
    told: list[dict[str, Any]] = []
    incidents: dict[str, Incident] = {}
    for one in seen.incidents:
        known = state.incidents.get(one.id)
        if known is not None and known.updated_us >= one.updated_us:
            incidents[one.id] = known
            continue
        incidents[one.id] = one
        told.append(_told_incident(seen, one, one.status, _incident_us(one, known, seen_us)))
    told += [
        _told_incident(seen, one, "resolved", seen_us)
        for name, one in state.incidents.items()
        if name not in incidents
    ]
    components: dict[str, Component] = {}
    for part in seen.components:
        was = state.components.get(part.id)
        is_older = was is not None and part.updated_us < was.updated_us
        now = was if was is not None and is_older else part
        if now.status != (was.status if was else _WORKS):
            told.append(_told_component(seen, now, was.status if was else _WORKS, seen_us))
        if now.status != _WORKS:
            components[now.id] = now
    return VendorState(incidents, components, max(seen.updated_us, state.updated_us)), told


def _told_component(seen: Summary, one: Component, before: str, seen_us: int) -> dict[str, Any]:
    words = f"{before.replace('_', ' ')} → {one.status.replace('_', ' ')}"
    return _stored(seen, f"{one.name}: {words}", min(one.updated_us or seen_us, seen_us)) | {
        "attributes": {
            "vendor": seen.vendor,
            "component": one.id,
            "name": one.name,
            "status": one.status,
            "state": "over" if one.status == _WORKS else "open",
            "page_says": seen.indicator,
        }
    }


def _incident_us(one: Incident, known: Incident | None, seen_us: int) -> int:
    """A new incident began when the vendor says so; an update is of its own time."""
    at_us = one.updated_us if known else one.begun_us or one.updated_us
    return min(at_us or seen_us, seen_us)


def _told_incident(seen: Summary, one: Incident, status: str, at_us: int) -> dict[str, Any]:
    where = f" ({', '.join(one.components[:3])})" if one.components else ""
    return _stored(seen, f"{one.name}: {status}{where}", at_us) | {
        "url": one.url,
        "attributes": {
            "vendor": seen.vendor,
            "incident": one.id,
            "name": one.name,
            "status": status,
            "impact": one.impact,
            "state": "over" if status in OVER else "open",
            "begun_at": rfc3339(one.begun_us),
            "page_says": seen.indicator,
        },
    }


def _stored(seen: Summary, summary: str, at_us: int) -> dict[str, Any]:
    return {
        "kind": VENDOR,
        "service": seen.vendor,
        "source": f"statuspage/{seen.vendor}",
        "summary": f"{seen.vendor}: {summary}"[:500],
        "at": rfc3339(at_us),
    }
