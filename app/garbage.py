"""How often Python looks for garbage in cycles: seldom, in all our processes.

Bodies, units and rows are short-lived and in no cycle; they end without the collector, which else
walks over everything that stays each few thousand of them (a quarter of the time of counting).
"""

from __future__ import annotations

import gc
from typing import Final

# New objects until a look; looks until the next older generation is taken in.
_THRESHOLDS: Final = (50_000, 20, 50)


def collect_seldom() -> None:
    """Call it once everything is loaded: what is there by then stays, and is never walked again."""
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
