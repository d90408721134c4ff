"""Log templates: which messages became frequent. Values are templated away, so no text leaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kernel.telemetry_store.port import LogRow

MAX_BODY = 400
MAX_TEMPLATES = 5
# Linear-time on purpose: single character classes, no nesting.
_VALUES = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8,}|\d+")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


@dataclass(frozen=True)
class TemplateDelta:
    """How often a message was logged before and since the onset."""

    service: str
    template: str
    before: int
    since: int


def template(body: str) -> str:
    """The message without its values: quoted text, numbers, hex."""
    short = body[:MAX_BODY]
    return " ".join(_VALUES.sub("#", _QUOTED.sub("<text>", short)).split())


def compare_logs(
    before: Iterable[LogRow], since: Iterable[LogRow], per_before: float = 1.0
) -> Sequence[TemplateDelta]:
    """Templates that are at least twice as frequent since, most increased first.

    `per_before` scales the counts before to the length of the time since.
    """
    old = Counter((row.service, template(row.body)) for row in before)
    new = Counter((row.service, template(row.body)) for row in since)
    grown = [
        TemplateDelta(service, text, old[service, text], count)
        for (service, text), count in new.items()
        if count >= 3 and count >= 2 * old[service, text] * per_before
    ]
    grown.sort(key=lambda one: (one.before * per_before - one.since, one.service, one.template))
    return grown[:MAX_TEMPLATES]
