"""Corrections in words, for pages, the command line and the API. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from kernel.clock import rfc3339
from slo.corrections.in_force import Correction
from slo.corrections.models import CorrectionRow
from slo.corrections.recurrence import Occurrence, Schedule, coming
from slo.corrections.repository import schedule_of
from slo.corrections.schemas import CorrectionOut, FiguresOut, OccurrenceOut
from slo.corrections.states import State
from slo.schemas import SloOut

NEXT = 3


def correction_out(row: CorrectionRow, objectives: Sequence[str], now_us: int) -> CorrectionOut:
    """The row as everybody sees it."""
    schedule = schedule_of(row)
    return CorrectionOut(
        id=row.id,
        state=State(row.state).value,
        category=row.category,
        reason=row.reason,
        service=row.service,
        objectives=list(objectives),
        segment=row.segment,
        begins=row.starts,
        to=row.ends,
        zone=row.zone,
        rule=row.rule,
        when=words(schedule),
        next=[occurrence_out(one) for one in next_of(row, now_us)],
        proposed_by=row.proposed_name,
        proposed_by_id=row.proposed_by,
        proposed_at=rfc3339(row.created_us),
        expires_at=rfc3339(row.expires_us) if row.state == State.PROPOSED else None,
        decided_by=row.decided_name,
        decided_at=_time(row.decided_us),
        decision_reason=row.decision_reason,
        closed_by=row.closed_name,
        closed_at=_time(row.closed_us),
        closing_reason=row.closing_reason,
    )


def next_of(row: CorrectionRow, now_us: int) -> list[Occurrence]:
    """The next three occurrences of what may still come to pass."""
    if row.state not in {State.PROPOSED, State.APPROVED}:
        return []
    return coming(schedule_of(row), now_us, NEXT)


def occurrence_out(one: Occurrence) -> OccurrenceOut:
    """Once."""
    return OccurrenceOut(begins=rfc3339(one.from_us), to=rfc3339(one.to_us))


def figures_out(shown: SloOut) -> FiguresOut:
    """The figures of an answer that a correction changes."""
    return FiguresOut(
        counts=shown.counts,
        sli=shown.sli,
        budget_left=shown.budget_left,
        bad_left=shown.bad_left,
        state=shown.state,
        money=shown.money,
    )


def words(schedule: Schedule) -> str:
    """`02:00-04:00 (Europe/Berlin) every week on Monday` and the like."""
    start, end = schedule.start, schedule.end
    if not schedule.recurs:
        until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%Y-%m-%d %H:%M}"
        return f"{start:%Y-%m-%d %H:%M} to {until} ({schedule.zone})"
    later = (end.date() - start.date()).days
    shift = f" (+{later} d)" if later else ""
    hours = f"{start:%H:%M}-{end:%H:%M}{shift} ({schedule.zone})"
    return f"{hours}, {_rule_words(schedule.rule, start)}, from {start:%Y-%m-%d}"


def effect_words(before: SloOut, after: SloOut, occurrences: int) -> str:
    """One sentence on what changes."""
    if not occurrences:
        return "nothing of it lies in the window yet: no figure changes now"
    bad = before.counts.bad - after.counts.bad
    good = before.counts.good - after.counts.good
    if not bad and not good and before.budget_left == after.budget_left:
        return "nothing that counts lies in that time: no figure changes"
    return f"leaves out {good} good and {bad} bad attempts"


def running(correction: Correction, now_us: int) -> Occurrence | None:
    """The occurrence that is going on; None where none is."""
    found = correction.occurrences(now_us, now_us + 1)
    return found[0] if found else None


_UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month"}
_DAYS = {
    "MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday",
    "SA": "Saturday", "SU": "Sunday",
}  # fmt: skip


def _rule_words(rule: str, start: dt.datetime) -> str:
    parts = dict(one.split("=", 1) for one in rule.removeprefix("RRULE:").split(";") if one)
    unit, interval = _UNITS[parts["FREQ"]], parts.get("INTERVAL", "1")
    said = f"every {unit}" if interval == "1" else f"every {interval} {unit}s"
    days = [_day_words(day) for day in parts.get("BYDAY", "").split(",") if day]
    if not days and unit == "week":
        days = [f"{start:%A}"]
    if days:
        said += f" on {', '.join(days)}"
    if "BYMONTHDAY" in parts:
        said += f" on day {parts['BYMONTHDAY'].replace(',', ', ')} of the month"
    elif unit == "month" and not days:
        said += f" on day {start.day}"
    if "BYSETPOS" in parts:
        said += f" (number {parts['BYSETPOS'].replace(',', ', ')} of these)"
    if "COUNT" in parts:
        said += f", {parts['COUNT']} times"
    if "UNTIL" in parts:
        until = parts["UNTIL"]
        said += f", until {until[:4]}-{until[4:6]}-{until[6:8]}"
    return said


def _day_words(day: str) -> str:
    ordinal, name = day[:-2].lstrip("+"), _DAYS[day[-2:]]
    if not ordinal:
        return name
    place = {"1": "first", "2": "second", "3": "third", "-1": "last"}.get(ordinal)
    return f"the {place} {name}" if place else f"{name} number {ordinal}"


def _time(at_us: int | None) -> str | None:
    return None if at_us is None else rfc3339(at_us)
