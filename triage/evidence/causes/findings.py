"""A judgement as evidence: when it began, what shows, and what speaks for each candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kernel.clock import from_us
from triage.evidence.causes.facts import Facts
from triage.evidence.causes.modes import grown
from triage.evidence.causes.ranking import Candidate, Judgement
from triage.evidence.causes.scene import Scene, Suspect, VendorReport
from triage.evidence.causes.shifts import Shift
from triage.evidence.evidence import Finding, Number
from triage.evidence.findings import MAX_TEXT, clock_time

MAX_SHIFTS = 3
MAX_VENDORS = 2
MAX_RADIUS = 6
KIND_RADIUS = "blast_radius"
# From this weight on a service is told as failing too.
_HIT = 0.5
KIND_ONSET, KIND_CAUSE, KIND_VENDOR = "onset", "cause", "vendor"


def cause_findings(scene: Scene, judged: Judgement) -> list[Finding]:
    """First what shows and since when, then one piece for each candidate, likeliest first."""
    until_us = max(scene.alarm.seen_until_us, scene.alarm.at_us, judged.onset_us)
    known = {one.ref: one for one in scene.suspects}
    found = [_onset(scene, judged, until_us)]
    found += [
        _cause(one, known.get(one.ref), judged.onset_us, until_us) for one in judged.candidates
    ]
    return found


def radius_finding(facts: Facts) -> Finding | None:
    """Which services fail with it, worst first, and which of them call what fails most.

    None where nothing but the alarm's own service fails.
    """
    worst = sorted(facts.failing.items(), key=lambda item: (-item[1], item[0]))
    hit = [(service, weight) for service, weight in worst if weight >= _HIT][:MAX_RADIUS]
    if len(hit) < 2:
        return None
    centre = hit[0][0]
    above = facts.around({centre}) - {centre}
    numbers: dict[str, Number] = {"services": len(hit), "centre": centre[:MAX_TEXT]}
    for place, (service, weight) in enumerate(hit, start=1):
        numbers |= {
            f"service_{place}": service[:MAX_TEXT],
            f"weight_{place}": round(weight, 3),
            f"near_{place}": int(service in above),
        }
    names = ", ".join(service[:40] for service, _ in hit[1:])
    summary = f"Most fails in {centre[:40]}; with it fail {names}"
    query = "telemetry.logs, metrics and spans by service"
    alarm = facts.scene.alarm
    until_us = max(alarm.seen_until_us, alarm.at_us)
    return Finding(KIND_RADIUS, summary, numbers, query, facts.onset_us, until_us)


def vendor_findings(
    reports: Sequence[VendorReport], blamed: Mapping[str, str], onset_us: int
) -> list[Finding]:
    """What vendors say of themselves, those that are blamed first; with how late they said it."""
    named = {value.casefold() for value in blamed.values()}
    ranked = sorted(
        reports,
        key=lambda one: (one.vendor.casefold() not in named, abs(one.from_us - onset_us)),
    )
    return [_vendor(one) for one in ranked[:MAX_VENDORS]]


def _vendor(one: VendorReport) -> Finding:
    lag_s = max(0, round((one.told_us - one.from_us) / 1_000_000))
    numbers: dict[str, Number] = {
        "vendor": one.vendor[:MAX_TEXT],
        "state": one.state[:MAX_TEXT],
        "text": one.text[:MAX_TEXT],
        "begun_us": one.from_us,
        "told_us": one.told_us,
        "lag_s": lag_s,
    }
    summary = (
        f"{one.text[:MAX_TEXT]} ({one.state[:MAX_TEXT]}): since {clock_time(one.from_us)} UTC"
        f" in the vendor's words, told {lag_s} s later"
    )
    query = f"telemetry.changes(kind=vendor, {one.vendor[:40]})"
    return Finding(KIND_VENDOR, summary, numbers, query, one.from_us, max(one.told_us, one.from_us))


def _onset(scene: Scene, judged: Judgement, until_us: int) -> Finding:
    numbers: dict[str, Number] = {
        "onset_us": judged.onset_us,
        "alarm_us": scene.alarm.at_us,
        "service": scene.alarm.service[:MAX_TEXT],
        "series_moved": len(judged.shifts),
        "suspects": len(scene.suspects),
    }
    for place, symptom in enumerate(judged.symptoms, start=1):
        numbers |= {
            f"service_{place}": symptom.service[:MAX_TEXT],
            f"template_{place}": symptom.text[:MAX_TEXT],
            f"more_{place}": grown(symptom),
        }
    for place, shift in enumerate(_first(judged.shifts), start=1):
        numbers |= {
            f"series_{place}": f"{shift.series.service} {shift.series.name}"[:MAX_TEXT],
            f"series_{place}_us": shift.at_us,
            f"series_{place}_before": round(shift.before, 4),
            f"series_{place}_after": round(shift.after, 4),
        }
    summary = f"Trouble first showed at {clock_time(judged.onset_us)} UTC"
    if judged.symptoms:
        first = judged.symptoms[0]
        summary += (
            f"; {first.service[:MAX_TEXT]} says {first.text[:MAX_TEXT]} {grown(first)} times more"
        )
    query = "telemetry.logs, metrics and spans around the alarm"
    return Finding(KIND_ONSET, summary, numbers, query, judged.onset_us, until_us)


def _first(shifts: Sequence[Shift]) -> list[Shift]:
    return sorted(shifts, key=lambda one: (one.at_us, -one.weight))[:MAX_SHIFTS]


def _cause(one: Candidate, suspect: Suspect | None, onset_us: int, until_us: int) -> Finding:
    why = "; ".join(one.why) or "it ran in what fails"
    numbers: dict[str, Number] = {"likelihood": round(one.likelihood, 4), "why": why[:300]}
    if suspect is None:
        numbers["outside"] = str(one.outside or "")
        summary = f"Not a change of ours ({one.outside}): {why}"
        query = "signs in logs, metrics and vendors' reports"
        return Finding(KIND_CAUSE, summary[:400], numbers, query, onset_us, until_us)
    numbers |= {
        "ref": suspect.ref[:MAX_TEXT],
        "text": suspect.message[:MAX_TEXT],
        "author": suspect.author[:MAX_TEXT],
        "written_us": suspect.at_us,
    }
    ran = ""
    if suspect.deployed:
        first = min(suspect.deployed, key=lambda deployed: deployed.at_us)
        numbers |= {"service": first.service[:MAX_TEXT], "deployed_us": first.at_us}
        ran = f", running in {first.service[:MAX_TEXT]} since {from_us(first.at_us):%H:%M:%S} UTC"
    summary = f"{suspect.kind} {suspect.ref[:12]} ({suspect.message[:MAX_TEXT]}){ran}: {why}"
    query = f"telemetry.changes, diff of {suspect.ref[:40]}"
    return Finding(KIND_CAUSE, summary[:400], numbers, query, onset_us, until_us)
