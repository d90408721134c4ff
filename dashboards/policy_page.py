"""What the page of the error budget policy shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dashboards.readers import Readers, document

_KINDS: Final = {
    "feature": "new features",
    "fix": "fixes",
    "p0": "fixes of a P0",
    "security": "security fixes",
}
# How long an override may last, as people choose it: hours and words.
OVERRIDE_HOURS: Final = (
    (1, "1 hour"),
    (4, "4 hours"),
    (24, "1 day"),
    (72, "3 days"),
    (168, "7 days"),
)
_NAMED = 3


def policy_values(readers: Readers) -> dict[str, Any]:
    """Values of the template; `answers` says per service which kinds of change may go out."""
    policy = document(readers.policy())
    return {
        "policy": policy,
        "lead": policy_sentence(policy["services"]),
        "answers": {
            one["service"]: [
                (allowed, listed([_KINDS[told["change_kind"]] for told in group]))
                for allowed in (False, True)
                if (group := [told for told in one["told"] if told["allowed"] is allowed])
            ]
            for one in policy["services"]
        },
        "hours": OVERRIDE_HOURS,
        "live": "counts",
    }


def policy_sentence(services: Sequence[dict[str, Any]]) -> str:
    """Where a new feature may go out now."""
    if not services:
        return "No promise is defined yet, so there is nothing to decide."
    waits = [one["service"] for one in services if not one["gate"]["allowed"]]
    goes = [one["service"] for one in services if one["gate"]["allowed"]]
    if not waits:
        return f"New features may go out: {_named(goes)}."
    if not goes:
        return f"New features must wait: {_named(waits)}."
    return f"New features may go out to {_named(goes)}; they must wait for {_named(waits)}."


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _named(services: Sequence[str]) -> str:
    if len(services) <= _NAMED:
        return listed(services)
    return f"{', '.join(services[:_NAMED])} and {len(services) - _NAMED} more"
