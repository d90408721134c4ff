"""Which burn alerts open, hold and close for one objective in one pass.

Order of thought: step what is open; then look for a new cause outside of what open alerts already
cover. A new cause is named by the narrowest segment that explains it; where the rest of the
objective fires without that segment too, the whole objective is named. At most one alert opens
per objective and pass, and a segment that shares labels with an open alert joins that one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from kernel.clock import HOUR_US, SECOND_US
from slo.alert_state import Observation, OpenAlert, Step, Verdict, step
from slo.decision_view import DecisionView
from slo.down_rule import DownRule, down
from slo.fast_tier import SEGMENT_ALPHA, SLICE_US, Rule, SliceRun, jump, onset_us
from slo.openslo.durations import duration_text
from slo.segments import (
    Cells,
    FiringSegment,
    Span,
    common,
    down_among,
    firing,
    matches,
    mostly_bad,
    name_of_cause,
    rest_suffers_too,
    run_of,
    without,
)
from slo.tiers import Tier, fires, tiers_of

FAST = "fast"
DOWN = "down"
TICKET_QUIET_US = HOUR_US
HOLD_GUARD_S = 60
_ORDINARY_TIMES = 5
_ORDINARY_CAP = Fraction(1, 4)


@dataclass(frozen=True)
class Fire:
    """One tier that fires now."""

    tier: str
    bad: int
    total: int
    text: str


@dataclass(frozen=True)
class Known:
    """An alert as remembered: open, or closed at `closed_us` not long ago."""

    id: str
    segment: Mapping[str, str]
    covers: Mapping[str, str]
    page: bool
    alert: OpenAlert
    closed_us: int | None = None


@dataclass(frozen=True)
class NewAlert:
    """An alert to open. `onset_us` is the first bad slice of the run that led to it."""

    segment: Mapping[str, str]
    page: bool
    fire: Fire
    onset_us: int


@dataclass
class Changes:
    """What one pass decides for one objective."""

    opened: list[NewAlert] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    widened: dict[str, dict[str, str]] = field(default_factory=dict)


def decide(view: DecisionView, known: Sequence[Known], *, tickets: bool = True) -> Changes:
    """One pass over one objective.

    `tickets`: look at what is slow too, the ticket tiers and small segments that are down. Once a
    minute is enough for them.
    """
    changes = Changes()
    pages = [one for one in known if one.page]
    opened = [one for one in pages if one.closed_us is None]
    _step_pages(view, opened, changes)
    if not view.blind and not any(not one.segment for one in opened):
        _look_for_new(view, pages, changes, slow=tickets)
    if tickets:
        _tickets(view, known, changes)
    return changes


def whole_fire(
    view: DecisionView,
    pages: Sequence[Known],
    extra: Sequence[Mapping[str, str]] = (),
    *,
    holding: bool = False,
) -> Fire | None:
    """The first paging tier that fires for the objective outside of the open alerts' segments.

    `extra`: more segments to leave out. `holding`: asked for an alert that is open, which wants
    newer failures than the windows: a short window of 30 min is full of what is over.
    """
    open_covers = [one.covers for one in pages if one.closed_us is None and one.segment]
    covered = [*open_covers, *extra]
    rest = without(_untold(view.cells, view.span, view, pages), view.objective.segments, covered)
    run = run_of(rest, view.objective.segments, {}, view.span)
    if view.objective.fast_tier:
        rule = replace(_rule(view), guard_s=HOLD_GUARD_S) if holding else _rule(view)
        found = jump(run, rule)
        if found is not None and view.covered(found.window_s):
            return Fire(FAST, found.bad, found.total, found.text)
    if holding and not run.newest(view.span.slices).bad:
        return None
    for tier in _tiers(view):
        if tier.page and not _whole_told(view, tier, pages):
            # Just closed segments still fill the short window with what is over.
            since_us = view.now_us - tier.short_s * SECOND_US
            over = [one.covers for one in pages if one.segment and (one.closed_us or 0) > since_us]
            fire = _tier_fire(view, tier, [*covered, *over])
            if fire is not None:
                return fire
    return None


def _step_pages(view: DecisionView, opened: Sequence[Known], changes: Changes) -> None:
    segments_open = [one for one in opened if one.segment]
    for one in opened:
        if view.blind:
            firing_now = False
        elif one.segment:
            run = run_of(view.cells, view.objective.segments, one.covers, view.span)
            rule = replace(_rule(view), alpha=SEGMENT_ALPHA, guard_s=HOLD_GUARD_S)
            firing_now = jump(run, rule) is not None or _is_down(view, run, one.covers)
        else:
            firing_now = whole_fire(view, segments_open, holding=True) is not None
        changes.steps[one.id] = _step_one(view, one, fires_now=firing_now)


def _step_one(view: DecisionView, one: Known, *, fires_now: bool) -> Step:
    # A fire needs evidence only; calm needs every source to speak, and all that it says counted.
    left_out_us = view.left_out_until(one.covers)
    frozen = bool(view.blind or ((view.no_data or left_out_us) and not fires_now))
    # What nobody counted was no quiet time: that begins when the correction is over.
    alert = replace(one.alert, last_fire_us=max(one.alert.last_fire_us, left_out_us))
    here, whole = view.recent(one.covers), view.recent({})
    seen = Observation(
        at_us=view.end_us,
        no_data=frozen,
        fires=fires_now,
        bad=here.bad,
        total=here.total,
        rest_bad=whole.bad,
        rest_total=whole.total,
        is_segment=bool(one.segment),
    )
    return step(alert, seen, view.objective.budget_ratio)


def _is_down(view: DecisionView, recent: SliceRun, covers: Mapping[str, str]) -> bool:
    """Rule DOWN for one segment; `recent`: its fast tier's run, which rules it out cheaply."""
    newest = recent.newest(view.span.slices)
    if 2 * newest.bad < newest.total:
        return False
    run = run_of(view.long_cells, view.objective.segments, covers, view.long_span)
    return down(run, _down_rule(view, covers)) is not None


def _look_for_new(
    view: DecisionView, pages: Sequence[Known], changes: Changes, *, slow: bool
) -> None:
    opened = [one for one in pages if one.closed_us is None]
    cause = _cause(view, pages, slow=slow)
    if cause is not None:
        related = next((one for one in opened if common(one.covers, cause.segment)), None)
        if related is not None:
            changes.widened[related.id] = common(related.covers, cause.segment)
            held = changes.steps[related.id].alert
            held = replace(held, last_fire_us=max(held.last_fire_us, view.end_us))
            changes.steps[related.id] = replace(
                changes.steps[related.id],
                alert=held,
                verdict=Verdict.HOLD,
                reason="a related segment fires",
            )
            return
        rest = whole_fire(view, pages, [cause.segment])
        if rest is None and not _is_everything(view, cause):
            changes.opened.append(_page_of(view, pages, cause))
            return
    fire_now = whole_fire(view, pages)
    if fire_now is not None:
        changes.opened.append(NewAlert({}, page=True, fire=fire_now, onset_us=_onset(view, {})))


def _cause(view: DecisionView, pages: Sequence[Known], *, slow: bool) -> FiringSegment | None:
    if not view.objective.fast_tier:
        return None
    names = view.objective.segments
    opened = [one.covers for one in pages if one.closed_us is None]
    rest = without(_untold(view.cells, view.span, view, pages), names, opened)
    rule = _rule(view)
    found = []
    for one in firing(rest, names, view.span, rule):
        strict = replace(rule, alpha=SEGMENT_ALPHA, least_ratio=_ordinary(view, one.segment))
        if view.covered(one.fire.window_s) and jump(one.run, strict) is not None:
            found.append(one)
    if slow and not found:
        found = _down_segments(view, pages, opened)
    return name_of_cause(found)


def _down_segments(
    view: DecisionView, pages: Sequence[Known], opened: Sequence[Mapping[str, str]]
) -> list[FiringSegment]:
    """Segments of little traffic that are down; the newest 15 min tell which may be."""
    names = view.objective.segments
    candidates = mostly_bad(
        without(view.cells, names, opened), names, view.span.end_us - view.span.slices * SLICE_US
    )
    if not candidates:
        return []
    told = _untold(view.long_cells, view.long_span, view, pages)
    rest = without(told, names, opened)
    rule = DownRule(view.objective.budget_ratio)
    return [
        one
        for one in down_among(rest, names, candidates, view.long_span, rule)
        if view.covered(one.fire.window_s)
        and down(one.run, _down_rule(view, one.segment)) is not None
    ]


def _ordinary(view: DecisionView, labels: Mapping[str, str]) -> Fraction:
    """The bad share that a segment must exceed because it often has a part of it."""
    return min(_ORDINARY_TIMES * view.ordinary_ratio(labels), _ORDINARY_CAP)


def _down_rule(view: DecisionView, labels: Mapping[str, str]) -> DownRule:
    return DownRule(view.objective.budget_ratio, _ordinary(view, labels))


def _tickets(view: DecisionView, known: Sequence[Known], changes: Changes) -> None:
    """The ticket tiers: silent while a page is open, and about what it has told already."""
    fire = None
    if not view.blind:
        found = (
            _tier_fire(view, tier, [])
            for tier in _tiers(view)
            if not tier.page and not _told_by_page(view, tier, known)
        )
        fire = next((one for one in found if one is not None), None)
    opened = [one for one in known if not one.page and one.closed_us is None]
    for one in opened:
        # A ticket hovers around its threshold for hours: it is quiet only after an hour.
        late = replace(one.alert, last_fire_us=one.alert.last_fire_us + TICKET_QUIET_US)
        result = _step_one(view, replace(one, alert=late), fires_now=fire is not None)
        last_us = view.end_us if fire is not None else one.alert.last_fire_us
        kept = replace(result.alert, last_fire_us=max(last_us, one.alert.last_fire_us))
        changes.steps[one.id] = replace(result, alert=kept)
    page_open = changes.opened or any(one.page and one.closed_us is None for one in known)
    if fire is not None and not opened and not page_open:
        changes.opened.append(NewAlert({}, page=False, fire=fire, onset_us=_onset(view, {})))


def _told_by_page(view: DecisionView, tier: Tier, known: Sequence[Known]) -> bool:
    """True where the short window still holds what a page was about that is closed now."""
    since_us = view.now_us - tier.short_s * SECOND_US
    return any(one.page and (one.closed_us or 0) > since_us for one in known)


def _whole_told(view: DecisionView, tier: Tier, pages: Sequence[Known]) -> bool:
    return _told_by_page(view, tier, [one for one in pages if not one.segment])


def _untold(cells: Cells, span: Span, view: DecisionView, pages: Sequence[Known]) -> Cells:
    """Cells without what a page told before it closed: only what came later is new."""
    begin_us = span.end_us - span.slices * SLICE_US
    names = view.objective.segments
    closed = [one for one in pages if one.closed_us and one.alert.last_fire_us > begin_us]
    found = dict(cells)
    for one in closed:
        since_us = one.alert.last_fire_us
        for key in [key for key in found if matches(names, key, one.covers)]:
            found[key] = [cell for cell in found[key] if cell.slice_us >= since_us]
    return found


def _tier_fire(view: DecisionView, tier: Tier, covered: Sequence[Mapping[str, str]]) -> Fire | None:
    counts = view.tier_counts(tier, covered)
    budget = view.objective.budget_ratio
    if counts is None or not fires(tier, counts, budget, view.objective.min_bad_events):
        return None
    if not view.covered(tier.short_s):
        return None
    burn = Fraction(counts.long_bad, counts.long_total) / budget
    text = (
        f"the budget burns {float(burn):.1f} times too fast over "
        f"{duration_text(tier.long_s * SECOND_US)} "
        f"({counts.long_bad} of {counts.long_total} attempts failed; limit {float(tier.factor):g})"
    )
    return Fire(tier.name, counts.long_bad, counts.long_total, text)


def _onset(view: DecisionView, labels: Mapping[str, str]) -> int:
    run = run_of(view.long_cells, view.objective.segments, labels, view.long_span)
    return onset_us(run, view.objective.budget_ratio)


def _page_of(view: DecisionView, pages: Sequence[Known], cause: FiringSegment) -> NewAlert:
    tier = FAST if _is_fast(view, cause) else DOWN
    if rest_suffers_too(cause, _whole_beside(view, cause, pages)):
        fire = Fire(tier, cause.fire.bad, cause.fire.total, cause.fire.text)
        return NewAlert({}, page=True, fire=fire, onset_us=_onset(view, {}))
    named = ", ".join(f"{name}={value}" for name, value in cause.labels)
    fire = Fire(tier, cause.fire.bad, cause.fire.total, f"{cause.fire.text} ({named})")
    return NewAlert(cause.segment, page=True, fire=fire, onset_us=_onset(view, cause.segment))


def _is_everything(view: DecisionView, cause: FiringSegment) -> bool:
    """True where the segment holds all of the objective's traffic: then it says nothing."""
    whole = _whole_beside(view, cause)
    return whole.newest(len(whole.total)).total == cause.total


def _whole_beside(
    view: DecisionView, cause: FiringSegment, pages: Sequence[Known] = ()
) -> SliceRun:
    """The objective's counts over the slices that the segment was judged by.

    Without what open alerts cover: that is told already, and no sign of another illness.
    """
    cells, span = (
        (view.cells, view.span) if _is_fast(view, cause) else (view.long_cells, view.long_span)
    )
    names = view.objective.segments
    opened = [one.covers for one in pages if one.closed_us is None and one.segment]
    return run_of(without(cells, names, opened), names, {}, span)


def _is_fast(view: DecisionView, cause: FiringSegment) -> bool:
    return len(cause.run.total) == view.span.slices


def _rule(view: DecisionView) -> Rule:
    objective = view.objective
    return Rule(
        objective.budget_ratio, open_slice=True, bump_allowance_s=objective.bump_allowance_s
    )


def _tiers(view: DecisionView) -> tuple[Tier, ...]:
    return tiers_of(view.objective)
