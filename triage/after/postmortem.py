"""The draft of a postmortem, in Markdown, from what is stored and nothing else. Pure.

What people have to find out is left as a question: code makes no cause up. Text from outside is
escaped, so that it can neither format the document nor put a link into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from kernel.clock import parse_rfc3339
from kernel.money import format_money
from triage.after.times import Happened, IncidentTimes, times
from triage.schemas import IncidentOut, TimelineOut

MOST_LINES = 200
_MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~:.&@])")
_BRIEF = "incident.brief"
_QUESTIONS = """- What was the cause, and what made it possible?
- What went well, what went badly, where were we lucky?
- Which actions follow, who does them, until when?"""


def draft(
    incident: IncidentOut,
    timeline: Sequence[TimelineOut],
    name_of: Callable[[str], str],
) -> str:
    """The document; `name_of(person_id)` names people."""
    onset_us = parse_rfc3339(incident.onset_at)
    taken = times(onset_us, [Happened(one.type, one.at, one.approval) for one in timeline])
    parts = [
        f"# {incident.number}: {text(incident.title)}",
        _head(incident, name_of),
        "## What it cost",
        _cost(incident),
        "## What happened",
        _brief(incident),
        "## Times",
        _times(taken),
        "## Timeline",
        _timeline(timeline, name_of),
        "## Steps",
        _steps(incident),
        "## To be answered by people",
        _QUESTIONS,
    ]
    return "\n\n".join(parts) + "\n"


def text(value: str) -> str:
    """One line of foreign text that is nothing but text in Markdown."""
    line = " ".join("".join(char if char.isprintable() else " " for char in value).split())
    return _MARKUP.sub(r"\\\1", line)


def _head(incident: IncidentOut, name_of: Callable[[str], str]) -> str:
    how = incident.resolution.replace("_", " ") or "not over"
    rows = [
        f"- Severity: {incident.severity} ({text(incident.severity_why) or 'not measured'})",
        f"- Began: {incident.onset_at}; opened: {incident.opened_at}",
        f"- Over: {incident.resolved_at or 'no'} ({how})",
        f"- Promises hit: {', '.join(map(text, incident.slos)) or 'none'}",
        f"- Alerts: {incident.alerts_total}",
    ]
    if incident.taken_by:
        rows.append(f"- Taken by: {text(name_of(incident.taken_by))}")
    if incident.resolution_reason:
        rows.append(f"- Because: {text(incident.resolution_reason)}")
    return "\n".join(rows)


def _cost(incident: IncidentOut) -> str:
    impact = incident.impact
    if impact is None:
        return "Not measured."
    rows = [f"- {impact.bad:,} of {impact.total:,} attempts failed ({text(impact.objective)})"]
    rows += [
        f"- Not taken: {format_money(one.lost_minor, one.currency)}"
        f" (tried: {format_money(one.bad_minor, one.currency)})"
        for one in impact.money
    ]
    if impact.missing and impact.missing.mid:
        gone = impact.missing
        rows.append(f"- Did not begin: about {gone.mid:,} ({gone.low:,} to {gone.high:,})")
    return "\n".join(rows)


def _brief(incident: IncidentOut) -> str:
    brief = incident.brief
    if brief is None:
        return "No brief was written."
    by = "code" if brief.source == "code" else "a model, each claim checked by code"
    claims = [f"- {text(one.text)} ({', '.join(one.evidence_ids)})" for one in brief.claims] or [
        f"- {text(brief.text)}"
    ]
    found = [f"- {one.id}: {text(one.summary)}" for one in incident.evidence]
    missing = ", ".join(map(text, brief.missing_sources))
    verdict = brief.verdict.replace("_", " ")
    return "\n".join(
        [
            f"Written by {by}; confidence {brief.confidence}, verdict {verdict}.",
            "",
            *claims,
            *(["", f"Not checked: {missing}."] if missing else []),
            *(["", "Evidence:", "", *found] if found else []),
        ]
    )


def _times(taken: IncidentTimes) -> str:
    rows = [
        ("Opened to brief", taken.to_brief_ms),
        ("Opened to acknowledged", taken.to_acknowledge_ms),
        *(("Asked to decided", one) for one in taken.to_decide_ms),
        ("Onset to over", taken.to_recover_ms),
    ]
    lines = [f"- {name}: {_seconds(value)}" for name, value in rows]
    lines.append(f"- With a model's brief: {'yes' if taken.with_ai else 'no'}")
    return "\n".join(lines)


def _seconds(value_ms: int | None) -> str:
    if value_ms is None:
        return "did not happen"
    minutes, seconds = divmod(value_ms / 1_000, 60)
    return f"{minutes:.0f} min {seconds:.0f} s" if minutes else f"{seconds:.1f} s"


def _timeline(timeline: Sequence[TimelineOut], name_of: Callable[[str], str]) -> str:
    """Renewed briefs are left out but for the first: they would bury what people did."""
    kept = [
        one
        for place, one in enumerate(timeline)
        if one.type != _BRIEF or all(other.type != _BRIEF for other in timeline[:place])
    ]
    lines = [
        f"- {one.at} {text(one.what)}{f' to {text(name_of(one.person))}' if one.person else ''}"
        f" ({text(name_of(one.actor)) if one.actor_kind == 'human' else one.actor_kind};"
        f" record {one.record})"
        for one in kept[:MOST_LINES]
    ]
    if len(kept) > MOST_LINES:
        lines.append(f"- and {len(kept) - MOST_LINES:,} more records: `tillwatch audit list`")
    return "\n".join(lines) or "Nothing is recorded."


def _steps(incident: IncidentOut) -> str:
    lines = [
        f"- {text(one.runbook)} / {text(one.step)} ({one.tier}): {one.state.replace('_', ' ')}."
        f" {text(one.what)}"
        for one in incident.proposals
    ]
    return "\n".join(lines) or "No step was proposed."
