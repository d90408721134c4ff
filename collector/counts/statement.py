"""The signed count of one sender and one UTC day: a C2SP signed note over lines of JSON. Pure.

The first line of JSON says whose count it is; each other line counts one source and class:

    <name of the log>/daily-count
    {"day":"2026-11-24","sender":"shop","version":1}
    {"class":"money","duplicate":3,"first_position":17,"last_position":90,"rejected":1,"shed":0,
     "source":"web","stored":74}

(each object is one line). The signature is that of the audit log's key, `audit.vkey`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from audit.note import VerifierKey, open_statement
from kernel import strict_json
from kernel.errors import BadInput
from kernel.journal import Counts, Tally

KIND: Final = "daily-count"
VERSION: Final = 1


def body_of(day: str, sender: str, tallies: Sequence[Tally]) -> str:
    """The text to sign (without the first line, which the signer adds)."""
    lines: list[Mapping[str, Any]] = [{"version": VERSION, "day": day, "sender": sender}]
    lines += [row_of(tally) for tally in tallies]
    return "".join(
        json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        for line in lines
    )


def row_of(tally: Tally) -> dict[str, Any]:
    """One line: source, class, verdicts, and the positions between which the records lie."""
    counts = tally.counts
    row = {
        "source": tally.source,
        "class": str(tally.item_class),
        "stored": counts.stored,
        "rejected": counts.rejected,
        "duplicate": counts.duplicate,
        "shed": counts.shed,
    }
    if counts.first_position is not None:
        row |= {"first_position": counts.first_position, "last_position": counts.last_position}
    return row


def read(note: bytes, key: VerifierKey) -> dict[str, Any]:
    """What a signed count says: `{day, sender, counts}`, checked with the public key alone.

    Raises BadInput where the signature is not good or it is no daily count.
    """
    # Not `splitlines`: names may hold other line ends, JSON as we write it never a line feed.
    lines = open_statement(note, KIND, key).removesuffix("\n").split("\n")
    head, *rows = (strict_json.loads(line) for line in lines)
    if not isinstance(head, dict) or head.get("version") != VERSION:
        raise BadInput("a daily count of an unknown version", path="statement")
    return {"day": head["day"], "sender": head["sender"], "counts": rows}


def total(tallies: Sequence[Tally]) -> Counts:
    """All of a sender's items together."""
    found = Counts()
    for tally in tallies:
        found.add(tally.counts)
    positions = [tally.counts for tally in tallies if tally.counts.first_position is not None]
    found.first_position = min((one.first_position or 0 for one in positions), default=None)
    found.last_position = max((one.last_position or 0 for one in positions), default=None)
    return found
