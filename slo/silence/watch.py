"""Which alerts on missing attempts open, hold and close for one objective in one pass.

Two kinds: `silence` (attempts that are usual now do not begin, though we listen: a page) and
`no_data` (a source was not heard for longer than the objective's gap: a ticket). A source is named
alone where the others go on; where its attempts arrive through the others, it is no page. At most
one silence opens per objective and pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kernel.clock import DAY_US, HOUR_US, SECOND_US
from slo.alert_state import OpenAlert, Step, Verdict
from slo.ledger_view import LedgerView
from slo.silence.listening import Heard, Listener, Outages, Pace
from slo.silence.rule import (
    ALPHA,
    LEAST_EXPECTED,
    LONGEST_US,
    NEWEST_S,
    SLICE_US,
    SOURCE_ALPHA,
    Lack,
    lack,
    onset_us,
)
from slo.silence.state import BACK_S, LOWER_S, Seen, step
from slo.silence.words import age_s, gap_text, gap_title, silence_text, silence_title
from slo.volume.expectation import Basis, Expectation
from slo.volume.history import ALL
from slo.volume.losses import volume

SILENCE: Final = "silence"
NO_DATA: Final = "no_data"
# A source that is quiet this long is told of, however little is usual at this time of day.
LONG_GAP_US = DAY_US
# How far back levels look, with a margin.
LEVEL_REACH_US = 3 * HOUR_US
_OPEN_END_US = 1 << 62


@dataclass(frozen=True)
class KnownSilence:
    """An alert as remembered: open, or closed at `closed_us` not long ago. `source` "": all."""

    id: str
    kind: str
    source: str
    alert: OpenAlert
    onset_us: int
    numbers: Mapping[str, Any]
    closed_us: int | None = None


@dataclass(frozen=True)
class NewSilence:
    """An alert to open. `numbers` hold what the expectation rested on, for as long as it lasts."""

    kind: str
    source: str
    page: bool
    onset_us: int
    title: str
    text: str
    missing: int = 0
    expected: int = 0
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class SilenceChanges:
    """What one pass decides for one objective."""

    opened: list[NewSilence] = field(default_factory=list)
    steps: dict[str, Step] = field(default_factory=dict)
    pace: Pace | None = None


def silence_changes(
    view: LedgerView, known: Sequence[KnownSilence], listener: Listener
) -> SilenceChanges:
    """One pass over one objective; `listener.begin_pass` comes before."""
    changes = SilenceChanges()
    opened = [one for one in known if one.closed_us is None]
    gone = _close_what_ended(view, opened, changes)
    opened = [one for one in opened if one.id not in gone]
    deaf = listener.pulse.deaf(view.now_us)
    if deaf:
        for one in opened:
            changes.steps[one.id] = step(one.alert, Seen(view.end_us, deaf, fires=False))
    if deaf or not view.objective.silence or not view.sources:
        return changes
    look = listener.look(view, _outages(view, known))
    changes.pace = look.pace
    silences = [one for one in opened if one.kind == SILENCE]
    if look.usual and (silences or look.quiet):
        heard = listener.listen(view, _held(look.usual, silences))
        _step_silences(heard, silences, changes)
        if not _is_planned(view):
            _look_for_silence(view, heard, silences, changes)
        for one in silences:
            listener.forget_gap(view, one.source)
    _gaps(view, look.usual, opened, changes)
    return changes


def _close_what_ended(
    view: LedgerView, opened: Sequence[KnownSilence], changes: SilenceChanges
) -> set[str]:
    """Alerts that nobody would judge any more."""
    for one in opened:
        reason = ""
        if not view.objective.silence:
            reason = "the objective's file switches this off"
        elif view.sources and one.source and one.source not in view.sources:
            reason = f"{one.source} is no source of the objective any more"
        if reason:
            changes.steps[one.id] = Step(one.alert, Verdict.CLOSE, reason)
    return set(changes.steps)


def _outages(view: LedgerView, known: Sequence[KnownSilence]) -> Outages:
    """Spans that say nothing of the level: told silences, and what corrections leave out."""
    silences = [one for one in known if one.kind == SILENCE]
    return (
        *((one.onset_us, one.closed_us or _OPEN_END_US) for one in silences),
        *view.drops.whole(view.end_us - LEVEL_REACH_US, view.end_us),
    )


def _is_planned(view: LedgerView) -> bool:
    """True where an approved correction leaves out any of the newest 10 min: we were told."""
    return view.drops.touch({}, view.end_us - LONGEST_US, view.end_us) > 0


def _held(
    usual: Mapping[str, Expectation], silences: Sequence[KnownSilence]
) -> dict[str, Expectation]:
    """While it is silent, the level is the one from before: silence is no lower normal."""
    found = dict(usual)
    for one in silences:
        found[one.source] = held(found.get(one.source, Expectation()), one.numbers)
    return found


def held(now: Expectation, numbers: Mapping[str, Any]) -> Expectation:
    """The expectation of now at the level that an alert's `numbers` remember."""
    if "level" not in numbers:
        return now
    then = Expectation(
        basis=Basis(numbers["basis"]),
        level=numbers["level"],
        flat=numbers["flat"],
        references=numbers["references"],
    )
    if now.basis in {Basis.NONE, Basis.HOURS} or then.basis is Basis.HOURS:
        return replace(then, usual=now.usual)
    return replace(now, level=then.level, flat=then.flat)


def _step_silences(
    heard: Mapping[str, Heard], silences: Sequence[KnownSilence], changes: SilenceChanges
) -> None:
    for one in silences:
        here = heard.get(one.source)
        if here is None:
            continue
        seen = Seen(
            at_us=here.seen.end_us,
            deaf="",
            fires=lack(here.seen, here.usual, SOURCE_ALPHA if one.source else ALPHA) is not None,
            begun=here.seen.newest(BACK_S),
            expected=here.expected(BACK_S),
            long_begun=here.seen.newest(LOWER_S),
            long_expected=here.expected(LOWER_S),
        )
        changes.steps[one.id] = step(one.alert, seen)


def _look_for_silence(
    view: LedgerView,
    heard: Mapping[str, Heard],
    silences: Sequence[KnownSilence],
    changes: SilenceChanges,
) -> None:
    told = {one.source for one in silences}
    if ALL in told:
        return
    whole = heard[ALL].lack(ALPHA)
    alpha = ALPHA if whole is not None else SOURCE_ALPHA
    several = view.sources if len(view.sources) > 1 else ()
    silent = {source: found for source in several if (found := heard[source].lack(alpha))}
    others_live = any(
        heard[source].alive and heard[source].expected(NEWEST_S) > 0
        for source in several
        if source not in silent
    )
    if silent and (others_live or whole is None):
        fresh = [source for source in silent if source not in told]
        if fresh:
            source = max(fresh, key=lambda one: (silent[one].expected, one))
            changes.opened.append(_new(view, source, heard, silent[source]))
    elif whole is not None:
        changes.opened.append(_new(view, ALL, heard, whole))


def _new(view: LedgerView, source: str, heard: Mapping[str, Heard], found: Lack) -> NewSilence:
    here, whole = heard[source], heard[ALL]
    begin_us = onset_us(here.seen, here.usual, found)
    # What one source no longer tells may arrive through another: then nobody is kept from buying.
    window_s = found.window_s
    is_lost = 2 * whole.missing(window_s) >= here.missing(window_s)
    slices = (here.seen.end_us - begin_us) // SLICE_US
    begun = sum(here.seen.counts[-slices:])
    told = volume(here.usual, begun, begin_us, here.seen.end_us)
    return NewSilence(
        kind=SILENCE,
        source=source,
        page=not source or is_lost,
        onset_us=begin_us,
        title=silence_title(view.objective, source, told),
        text=silence_text(view.objective, told, found),
        missing=told.missing.mid,
        expected=told.expected.mid,
        numbers={
            "basis": here.usual.basis.value,
            "level": here.usual.level,
            "flat": here.usual.flat,
            "references": here.usual.references,
            "window_s": found.window_s,
            "tail": found.tail,
        },
    )


def _gaps(
    view: LedgerView,
    usual: Mapping[str, Expectation],
    opened: Sequence[KnownSilence],
    changes: SilenceChanges,
) -> None:
    told = {one.source for one in opened if one.kind == SILENCE}
    told |= {one.source for one in changes.opened}
    gaps = {one.source: one for one in opened if one.kind == NO_DATA}
    for source, one in gaps.items():
        if source not in view.quiet_sources:
            changes.steps[one.id] = Step(one.alert, Verdict.CLOSE, f"{source} is heard again")
    for source in () if _is_planned(view) else view.quiet_sources:
        since_us = view.last_heard_us(source)
        if source in gaps or source in told or ALL in told or since_us is None:
            continue
        gap_s = age_s(since_us, view.now_us)
        here = usual.get(source, Expectation())
        wanted = here.per_s(view.end_us) * gap_s
        unknown = here.basis is Basis.NONE
        if unknown or wanted >= LEAST_EXPECTED or gap_s * SECOND_US >= LONG_GAP_US:
            changes.opened.append(
                NewSilence(
                    kind=NO_DATA,
                    source=source,
                    page=False,
                    onset_us=since_us,
                    title=gap_title(source, since_us),
                    text=gap_text(source, gap_s, view.objective.max_gap_s),
                    missing=round(wanted),
                    expected=round(wanted),
                )
            )
