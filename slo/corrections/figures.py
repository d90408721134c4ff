"""Both figures of an objective, always: what counts, and the same with nothing left out."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.clock import SECOND_US, parse_rfc3339, rfc3339
from slo.corrections.in_force import Correction, drops_of
from slo.corrections.presenting import running
from slo.corrections.recurrence import coming
from slo.ledger_view import LedgerView
from slo.models import BurnAlertRow
from slo.schemas import CorrectionInForceOut, SloOut, UncorrectedOut
from slo.standing import standing

_EMPTIED = "corrections leave out everything that was counted in this window"


def both_figures(
    view: LedgerView,
    alerts: Sequence[BurnAlertRow],
    corrections: Sequence[Correction] = (),
    *,
    with_segments: bool = True,
) -> SloOut:
    """How the objective stands, with its uncorrected figures and the corrections in force.

    `view` leaves out what `corrections` say. `alerts`: the objective's open ones.
    """
    shown = standing(view, alerts, with_segments=with_segments)
    plain = standing(view.uncorrected, (), with_segments=False) if view.drops else shown
    emptied = shown.sli is None and plain.sli is not None and not view.no_data
    return shown.model_copy(
        update={
            "reason": _EMPTIED if emptied else shown.reason,
            "uncorrected": UncorrectedOut(
                counts=plain.counts,
                sli=plain.sli,
                budget_left=plain.budget_left,
                bad_left=plain.bad_left,
            ),
            "corrections": [
                one
                for correction in corrections
                if (one := _in_force(correction, shown, view.now_us)) is not None
            ],
        }
    )


def inside(correction: Correction, shown: SloOut, now_us: int) -> tuple[int, int]:
    """(occurrences, seconds) of the correction in the window of an answer."""
    from_us, to_us = parse_rfc3339(shown.window.start), parse_rfc3339(shown.window.to)
    stretches = drops_of((correction,), now_us).within(from_us, to_us)
    seconds = sum(one.to_us - one.from_us for one in stretches) // SECOND_US
    return len(correction.occurrences(from_us, to_us)) if seconds else 0, seconds


def _in_force(correction: Correction, shown: SloOut, now_us: int) -> CorrectionInForceOut | None:
    """None where it is over and nothing of it lies in the window."""
    occurrences, seconds = inside(correction, shown, now_us)
    going_on = running(correction, now_us)
    ahead = coming(correction.schedule, now_us, 1) if correction.ended_us is None else []
    if not (occurrences or going_on or ahead):
        return None
    return CorrectionInForceOut(
        id=correction.id,
        category=correction.category,
        reason=correction.reason,
        segment=dict(correction.labels),
        occurrences=occurrences,
        seconds=seconds,
        until=rfc3339(going_on.to_us) if going_on else None,
        next=rfc3339(ahead[0].from_us) if ahead else None,
    )
