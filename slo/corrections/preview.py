"""What a correction does to each of its objectives, before anybody approves it: exact, not guessed.

Both sides are asked of the ledger: with everything else that is approved, without this one and with
it. For an approved one it is the same question, looking back.
"""

from __future__ import annotations

from collections.abc import Sequence

from slo.corrections.figures import inside
from slo.corrections.in_force import Correction, InForce
from slo.corrections.presenting import effect_words, figures_out
from slo.corrections.schemas import EffectOut
from slo.evaluation import default_sources
from slo.ledger import LedgerReader
from slo.ledger_view import LedgerView
from slo.objective import Objective
from slo.schemas import SloOut
from slo.standing import standing


def effects(
    reader: LedgerReader,
    objectives: Sequence[Objective],
    correction: Correction,
    in_force: InForce,
    now_us: int,
) -> list[EffectOut]:
    """One effect per objective, in the order given. `in_force`: everything that is approved."""
    without = in_force.less(correction.id)
    with_it = without.plus([one.id for one in objectives], correction)
    found = []
    with reader.at_once():
        sources = default_sources(reader, now_us)
        for objective in objectives:

            def stands(all_of_them: InForce, objective: Objective = objective) -> SloOut:
                drops = all_of_them.drops(objective.id, now_us)
                view = LedgerView(reader, objective, now_us, sources, drops)
                return standing(view, (), with_segments=False)

            before, after = stands(without), stands(with_it)
            occurrences, seconds = inside(correction, before, now_us)
            found.append(
                EffectOut(
                    objective=objective.id,
                    name=objective.display_name,
                    target=float(objective.target),
                    begins=before.window.start,
                    to=before.window.to,
                    occurrences=occurrences,
                    seconds=seconds,
                    before=figures_out(before),
                    after=figures_out(after),
                    says=effect_words(before, after, occurrences),
                )
            )
    return found
