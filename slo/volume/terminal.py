"""Expected volume and missing attempts for people at a terminal. Pure: documents in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kernel.money import format_money


def volume_sentences(slo: Mapping[str, Any]) -> list[str]:
    """What is missing since the onset of what is open, and what is usual now; [] where unknown."""
    found = []
    lost, usual = slo.get("lost_estimate"), slo.get("expected")
    if lost and lost["mid"]:
        worth = " and ".join(
            format_money(one["mid_minor"], one["currency"])
            for one in lost["cost"]
            if one["mid_minor"]
        )
        found.append(
            f"about {lost['mid']:,} attempts are missing since {lost['from'][11:19]} UTC "
            f"({lost['low']:,} to {lost['high']:,})" + (f", worth about {worth}" if worth else "")
        )
    if usual:
        found.append(
            f"{usual['begun']:,} attempts began in the newest 10 min, about {usual['mid']:,} are "
            f"usual ({usual['low']:,} to {usual['high']:,})"
        )
    return found
