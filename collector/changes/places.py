"""What a list of `name=place` in a setting says."""

from __future__ import annotations

import re
from typing import Final

from kernel.errors import NotConfigured

MAX_PLACES: Final = 50
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def places(text: str, setting: str) -> dict[str, str]:
    """Name to place, in order. Raises NotConfigured that names the setting and the entry."""
    found: dict[str, str] = {}
    for entry in (one.strip() for one in text.split(",")):
        if not entry:
            continue
        name, _, place = entry.partition("=")
        name, place = name.strip(), place.strip()
        if not _NAME.match(name) or not place:
            raise NotConfigured(
                f"{setting}: {entry[:100]!r} is not name=place",
                hint="separate several of them by commas",
            )
        if name in found:
            raise NotConfigured(f"{setting}: {name} stands there twice")
        found[name] = place
    if len(found) > MAX_PLACES:
        raise NotConfigured(f"{setting}: more than {MAX_PLACES} entries")
    return found
