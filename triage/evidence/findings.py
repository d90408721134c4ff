"""Results of the evidence functions put into words and numbers. Everything said is a number too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kernel.clock import MINUTE_US, from_us
from kernel.money import format_money
from triage.evidence.breakdown import Breakdown
from triage.evidence.changes import ChangeReport, RankedChange
from triage.evidence.evidence import Finding, Number
from triage.evidence.funnel import Way
from triage.evidence.logs import TemplateDelta
from triage.evidence.traces import TraceComparison
from triage.evidence.traffic import Traffic

MAX_CHANGES = 5
MAX_TEXT = 120


def clock_time(at_us: int) -> str:
    """`14:02:10`, UTC."""
    return from_us(at_us).strftime("%H:%M:%S")


def percent(share: float) -> str:
    """`89 %`; two digits below 10 %."""
    value = share * 100
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.2g} %"


def traffic_finding(found: Traffic, query: str, *, sharp: bool) -> Finding:
    """Counts before and since."""
    since = clock_time(found.onset_us)
    summary = (
        f"{found.bad} of {found.total} failed since {since} UTC ({percent(found.rate)}), "
        f"{found.bad_before} of {found.total_before} before ({percent(found.rate_before)})"
    )
    numbers: dict[str, Number] = {
        "onset_us": found.onset_us,
        "onset_is_change_point": int(sharp),
        "bad": found.bad,
        "total": found.total,
        "share": round(found.rate, 6),
        "bad_before": found.bad_before,
        "total_before": found.total_before,
        "share_before": round(found.rate_before, 6),
        "checkouts": found.checkouts,
        "affected_per_min": round(found.affected_per_min, 2),
        "minutes": round(found.minutes, 2),
    }
    return Finding("traffic", summary, numbers, query, found.onset_us, found.to_us)


def breakdown_finding(found: Breakdown, query: str, onset_us: int, to_us: int) -> Finding:
    """The narrowest explanation, or that there is none."""
    numbers: dict[str, Number] = {
        "bad": found.bad,
        "total": found.total,
        "tested": found.tested,
        "onset_us": onset_us,
    }
    blamed = found.blamed
    if blamed is None:
        best = found.slices[0] if found.slices else None
        if best is not None:
            numbers |= {"best": best.label[:MAX_TEXT], "best_explained": round(best.explained, 4)}
        summary = f"No field separates the {found.bad} bad from the good ({found.tested} tested)"
        return Finding("breakdown", summary, numbers, query, onset_us, to_us)
    numbers |= {
        "segment": blamed.label[:MAX_TEXT],
        "bad_in": blamed.bad_in,
        "total_in": blamed.total_in,
        "share_in": round(blamed.rate_in, 6),
        "bad_out": blamed.bad - blamed.bad_in,
        "total_out": blamed.total - blamed.total_in,
        "share_out": round(blamed.rate_out, 6),
        "explained": round(blamed.explained, 4),
        "risk_difference": round(blamed.risk_difference, 4),
        "lift": round(blamed.lift, 2),
        "q_value": f"{blamed.q_value:.1e}",
    }
    numbers |= {name: value[:MAX_TEXT] for name, value in blamed.parts}
    numbers |= {f"also_{name}": value[:MAX_TEXT] for name, value in found.also}
    summary = (
        f"{blamed.label[:MAX_TEXT]}: {blamed.bad_in} of {blamed.total_in} bad "
        f"({percent(blamed.rate_in)}), elsewhere {blamed.bad - blamed.bad_in} of "
        f"{blamed.total - blamed.total_in} ({percent(blamed.rate_out)}); "
        f"explains {percent(blamed.explained)} of the excess"
    )
    return Finding("breakdown", summary, numbers, query, onset_us, to_us)


def funnel_finding(found: Way, query: str, onset_us: int, to_us: int) -> Finding:
    """Where on the way to an order most are lost since the onset."""
    stage, following = (
        one.removeprefix("step ")[:MAX_TEXT] for one in (found.stage, found.following)
    )
    numbers: dict[str, Number] = {
        "stage": stage,
        "following": following,
        "reached": found.reached,
        "went_on": found.went_on,
        "share": round(found.share, 4),
        "reached_before": found.reached_before,
        "went_on_before": found.went_on_before,
        "share_before": round(found.share_before, 4),
        "q_value": f"{found.q_value:.1e}",
    }
    summary = (
        f"From {stage} to {following}: {found.went_on} of "
        f"{found.reached} checkouts go on ({percent(found.share)}), {found.went_on_before} of "
        f"{found.reached_before} before ({percent(found.share_before)})"
    )
    return Finding("funnel", summary, numbers, query, onset_us, to_us)


def modes_finding(found: Breakdown, query: str, onset_us: int, to_us: int) -> Finding | None:
    """How it fails: the commonest values of the fields that only bad units carry."""
    if not found.modes:
        return None
    numbers: dict[str, Number] = {"bad": found.bad}
    said: list[str] = []
    for mode in found.modes:
        place = sum(other.field == mode.field for other in found.modes[: len(said)]) + 1
        name = mode.field if place == 1 else f"{mode.field}_{place}"
        numbers |= {
            name: mode.value[:MAX_TEXT],
            f"{name}_count": mode.count,
            f"{name}_share": round(mode.share, 4),
        }
        said.append(f"{mode.field}={mode.value[:MAX_TEXT]} in {mode.count}")
    summary = f"How it fails, of {found.bad} bad: {'; '.join(said)}"
    return Finding("failure_modes", summary, numbers, query, onset_us, to_us)


def money_finding(
    lost: Mapping[str, int], counts: Mapping[str, int], query: str, from_us: int, to_us: int
) -> Finding:
    """Money not taken, whole and per minute, largest first. `counts`: bad and total."""
    minutes = max((to_us - from_us) / MINUTE_US, 1 / 60)
    ranked = sorted(lost.items(), key=lambda item: (-item[1], item[0]))
    numbers: dict[str, Number] = {**counts, "from_us": from_us, "minutes": round(minutes, 2)}
    said = []
    for currency, minor in ranked:
        per_min = round(minor / minutes)
        numbers |= {f"lost_minor_{currency}": minor, f"lost_per_min_minor_{currency}": per_min}
        said.append(
            f"{format_money(minor, currency)} ({format_money(per_min, currency)} per minute)"
        )
    what = ", ".join(said) or "no money counted"
    summary = f"Not taken since {clock_time(from_us)} UTC: {what}"
    return Finding("impact", summary, numbers, query, from_us, to_us)


def changes_findings(report: ChangeReport, query: str, from_us: int, to_us: int) -> list[Finding]:
    """One piece for the verdict, one for each of the likeliest changes."""
    count = len(report.ranked)
    summary = f"{count} {'change' if count == 1 else 'changes'} near the onset; {report.why}"
    numbers: dict[str, Number] = {
        "changes": count,
        "blamed": sum(one.blamed for one in report.ranked),
        "verdict": str(report.verdict),
    }
    found = [Finding("changes", summary, numbers, query, from_us, to_us)]
    found += [_change_finding(one, query, from_us, to_us) for one in report.ranked[:MAX_CHANGES]]
    return found


def _change_finding(one: RankedChange, query: str, from_us: int, to_us: int) -> Finding:
    change = one.change
    seconds = round(abs(one.before_s))
    when = f"{seconds} s before the onset" if one.before_s >= 0 else f"{seconds} s after the onset"
    what = " ".join(word for word in (change.kind, "of", change.service, change.version) if word)
    numbers: dict[str, Number] = {
        "change_us": change.at_us,
        "before_s": round(one.before_s),
        "kind": change.kind[:MAX_TEXT],
        "service": change.service[:MAX_TEXT],
        "version": change.version[:MAX_TEXT],
        "relation": str(one.relation),
        "score": round(one.score, 4),
        "blamed": int(one.blamed),
        "text": change.summary[:MAX_TEXT],
    }
    summary = f"{what[:MAX_TEXT]} at {clock_time(change.at_us)} UTC, {when}: {one.why}"
    return Finding("change", summary, numbers, query, from_us, to_us)


def traces_finding(found: TraceComparison, query: str, from_us: int, to_us: int) -> Finding:
    """Where failing traces break and where their time goes."""
    numbers: dict[str, Number] = {
        "failing": found.failing,
        "healthy": found.healthy,
        "failing_ms": round(found.failing_us / 1000, 1),
        "healthy_ms": round(found.healthy_us / 1000, 1),
    }
    slow_ms, usual_ms = found.failing_us / 1000, found.healthy_us / 1000
    against = f"median {slow_ms:.0f} ms against {usual_ms:.0f} ms in {found.healthy} healthy ones"
    said = [f"{found.failing} failing traces, {against}"]
    if found.errors:
        first = found.errors[0]
        numbers |= {
            "error_service": first.service[:MAX_TEXT],
            "error_operation": first.operation[:MAX_TEXT],
            "error_traces": first.traces,
        }
        said.append(
            f"{first.traces} break in {first.service[:MAX_TEXT]} {first.operation[:MAX_TEXT]}"
        )
    for place, one in enumerate(found.operations[:3], start=1):
        numbers |= {
            f"service_{place}": one.service[:MAX_TEXT],
            f"operation_{place}": one.operation[:MAX_TEXT],
            f"self_failing_ms_{place}": round(one.failing_us / 1000, 1),
            f"self_healthy_ms_{place}": round(one.healthy_us / 1000, 1),
        }
    numbers |= {f"trace_{n}": trace for n, trace in enumerate(found.exemplars, start=1)}
    if found.odd:
        numbers["odd"] = ", ".join(found.odd)
    return Finding("traces", "; ".join(said), numbers, query, from_us, to_us)


def logs_finding(
    found: Sequence[TemplateDelta], query: str, from_us: int, to_us: int
) -> Finding | None:
    """Messages that became frequent."""
    if not found:
        return None
    numbers: dict[str, Number] = {}
    for place, one in enumerate(found, start=1):
        numbers |= {
            f"service_{place}": one.service[:MAX_TEXT],
            f"template_{place}": one.template[:MAX_TEXT],
            f"before_{place}": one.before,
            f"since_{place}": one.since,
        }
    first = found[0]
    summary = (
        f"Error log of {first.service[:MAX_TEXT]}: {first.template[:MAX_TEXT]} "
        f"{first.since} times since, {first.before} before"
    )
    return Finding("logs", summary, numbers, query, from_us, to_us)
