"""From what somebody sent to what would be approved: schedule, objectives and their segment."""

from __future__ import annotations

import datetime as dt

from kernel.clock import DAY_US, parse_rfc3339, rfc3339
from kernel.errors import BadInput, Conflict
from kernel.quoting import quoted
from slo.catalogue import Catalogue
from slo.corrections.recurrence import Schedule, check, coming, extent_us, once
from slo.corrections.rrule_text import canonical
from slo.corrections.schemas import MAX_OBJECTIVES, CorrectionIn
from slo.objective import Objective

# Revisions are kept that long: what lies further back was reported long ago.
MAX_BACK_US = 35 * DAY_US
MAX_AHEAD_US = 400 * DAY_US
MAX_IN_90_DAYS = 100
MAX_RECURRING = 5
MAX_VALUE = 200
COUNTED_US = 90 * DAY_US
_MINUTE = dt.timedelta(minutes=1)


def schedule_of(said: CorrectionIn, now_us: int) -> Schedule:
    """When it would hold, snapped inward to whole minutes. Raises BadInput."""
    if said.zone:
        begins, ends = (
            _wall(text, name) for text, name in ((said.begins, "from"), (said.ends, "to"))
        )
        start = begins if begins == _floor(begins) else _floor(begins) + _MINUTE
        made = Schedule(start, _floor(ends), said.zone, canonical(said.rule))
    elif said.rule:
        raise BadInput(
            "a rule needs the zone of its wall clock", path="$.zone", hint="like Europe/Berlin"
        )
    else:
        made = once(_moment(said.begins, "from"), _moment(said.ends, "to"))
    check(made)
    _check_reach(made, now_us)
    return made


def objectives_of(said: CorrectionIn, catalogue: Catalogue) -> list[Objective]:
    """The objectives it is about, by id. Raises BadInput or NotFound.

    A service stands for its objectives as they are now: one that is defined later was not approved.
    Where a segment is named, it stands for those that are counted by it.
    """
    if bool(said.objectives) == bool(said.service):
        raise BadInput("name either objectives or a service", path="$.objectives")
    if said.service:
        found = _of_service(said, catalogue)
    else:
        found = [catalogue.find(one) for one in sorted(set(said.objectives))]
    for objective in found:
        _check_segment(objective, said)
    return found


def segment_of(text: str) -> dict[str, str]:
    """`provider=adyen, country=DE` as labels. Raises BadInput."""
    labels = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        name, given, value = (part.strip() for part in pair.partition("="))
        if not (name and given and value):
            raise BadInput(
                f"{pair[:60]!r} is not name=value", path="$.segment", hint="like provider=adyen"
            )
        labels[name] = value
    return labels


def check_room(objective_id: str, proposed: int, recurring: int | None) -> None:
    """Raises Conflict where an objective has all the corrections that it may have.

    `recurring` is None for one that happens once.
    """
    if proposed >= MAX_IN_90_DAYS:
        raise Conflict(
            f"{objective_id} has {proposed} corrections of the last 90 days: that is the most",
            hint="what is corrected that often is not promised: change the objective",
        )
    if recurring is not None and recurring >= MAX_RECURRING:
        raise Conflict(
            f"{objective_id} has {recurring} recurring corrections: that is the most",
            hint="end one of them, or say it with one rule",
        )


def _of_service(said: CorrectionIn, catalogue: Catalogue) -> list[Objective]:
    found = [one for one in catalogue.all() if one.service == said.service]
    if not found:
        services = ", ".join(sorted({one.service for one in catalogue.all()})[:20])
        raise BadInput(
            f"no objective has the service {quoted(said.service)}",
            path="$.service",
            hint=f"services: {services}",
        )
    if len(found) > MAX_OBJECTIVES:
        raise BadInput(
            f"{said.service} has {len(found)} objectives, at most {MAX_OBJECTIVES} fit",
            path="$.service",
            hint="name the objectives",
        )
    counted_by = [one for one in found if said.segment.keys() <= set(one.segments)]
    return counted_by or found


def _check_segment(objective: Objective, said: CorrectionIn) -> None:
    for name, value in said.segment.items():
        if name not in objective.segments:
            raise BadInput(
                f"{objective.id} is not counted by {quoted(name, 40)}",
                path=f"$.segment.{name[:40]}",
                hint=f"its segments: {', '.join(objective.segments) or 'none'}",
            )
        if not 0 < len(value) <= MAX_VALUE:
            raise BadInput(
                f"a label's value has 1 to {MAX_VALUE} characters", path=f"$.segment.{name[:40]}"
            )


def _check_reach(schedule: Schedule, now_us: int) -> None:
    first_us, last_us = extent_us(schedule)
    if first_us < now_us - MAX_BACK_US:
        raise BadInput(
            f"it begins more than 35 days back ({rfc3339(first_us)})",
            path="$.from",
            hint="what was reported that long ago stays as it was reported",
        )
    if first_us > now_us + MAX_AHEAD_US:
        raise BadInput("it begins more than 400 days ahead", path="$.from")
    if last_us is not None and last_us <= first_us:
        raise BadInput("the clocks skip all of that time", path="$.from")
    if not coming(schedule, first_us, 1):
        raise BadInput("it never happens", path="$.rule")


def _wall(text: str, name: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise BadInput(
            f"{quoted(text, 40)} is no wall clock time",
            path=f"$.{name}",
            hint="like 2026-12-07T02:00; with a zone the time has no offset of its own",
        )
    return found


def _moment(text: str, name: str) -> int:
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise BadInput(
            str(error),
            path=f"$.{name}",
            hint="like 2026-12-07T02:00:00Z, or name a zone and leave the offset out",
        ) from None


def _floor(wall: dt.datetime) -> dt.datetime:
    return wall.replace(second=0, microsecond=0)
