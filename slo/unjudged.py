"""What is shown of an objective that could not be judged: no data, with the reason."""

from __future__ import annotations

from kernel.clock import rfc3339
from slo.objective import Objective
from slo.schemas import CountsOut, NoDataOut, SloOut, WindowOut
from slo.standing import RATES_S


def unjudged(shown: SloOut, reason: str) -> SloOut:
    """The answer as it is, but nothing of it is good news."""
    said = f"not judged: {reason}"
    no_data = shown.no_data or NoDataOut(rule="freeze", gap_s=0, spent=0, present="")
    return shown.model_copy(
        update={
            "state": "no_data",
            "reason": said,
            "no_data": no_data.model_copy(update={"present": no_data.present or said}),
            "segments": [one.model_copy(update={"state": "no_data"}) for one in shown.segments],
        }
    )


def unread(objective: Objective, reason: str) -> SloOut:
    """The answer where not even the figures could be computed."""
    never = rfc3339(0)
    return unjudged(
        SloOut(
            id=objective.id,
            name=objective.display_name,
            description=objective.description,
            service=objective.service,
            owner=objective.owner,
            target=float(objective.target),
            generation=objective.generation,
            window=WindowOut(
                kind="rolling" if objective.window.calendar is None else "calendar",
                seconds=objective.window.seconds,
                start=never,
                to=never,
                ends=never,
                counted_from=never,
                elapsed=0,
            ),
            counts=CountsOut(good=0, bad=0, excluded=0, pending=None),
            sli=None,
            budget_left=None,
            bad_left=None,
            burn_rates=dict.fromkeys(RATES_S),
            state="no_data",
            reason="",
            coverage=0,
            watermark=never,
            sources=[],
            money=[],
            alerts=[],
            segments=[],
            notes=[],
        ),
        reason,
    )
