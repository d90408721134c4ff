"""What a replay would make of a dead letter now, by today's rules. Reads, never writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from collector import replays
from collector.deadletters import merge_patch
from collector.deadletters.documents import item_of
from collector.deadletters.judging import Judges
from collector.deadletters.service import DeadRecord, Found
from collector.projector import fault_of
from collector.redaction import RedactionFailed
from collector.rejections import rule_of
from kernel.clock import Clock
from kernel.errors import BadInput
from kernel.journal import Append, JournalReader, Letter
from kernel.journal.letters import KEEP_US, MAX_ITEM_BYTES

Patch = Mapping[str, Any] | None
_MAX_REASON: Final = 500


class Outcome(StrEnum):
    """What a replay makes, or would make, of a letter."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # its sender has sent it since: nothing to add
    READING = "reading"  # the record is read again in its turn
    REJECTED = "rejected"  # still bad; the reason may be a new one
    REPLAYED = "replayed"  # was put right before
    IMPOSSIBLE = "impossible"  # nothing is left that could be replayed


@dataclass(frozen=True)
class Verdict:
    """One letter's. `append` is what puts it right."""

    id: str
    outcome: Outcome
    reason: str = ""
    path: str = ""
    rule: str = ""
    receipt: str = ""
    append: Append | None = None

    def document(self) -> dict[str, Any]:
        """As the API says it."""
        told = {"id": self.id, "outcome": str(self.outcome), "reason": self.reason}
        more = {"rule": self.rule, "receipt": self.receipt}
        return told | {name: value for name, value in more.items() if value}


@dataclass(frozen=True)
class Verdicts:
    """Decides by one reader of the journal, which must be the caller's alone."""

    judges: Judges
    reader: JournalReader
    clock: Clock

    def of(self, letter_id: str, found: Found | None, patch: Patch) -> Verdict:
        """The verdict on a letter; `patch` is merged into an item before it is judged."""
        if found is None:
            return _impossible(letter_id, "there is no such dead letter (any more)")
        if isinstance(found, DeadRecord):
            return self._of_record(letter_id, found, patch)
        return self._of_item(found, patch)

    def _of_item(self, letter: Letter, patch: Patch) -> Verdict:
        if letter.replayed_us:
            return Verdict(letter.id, Outcome.REPLAYED, receipt=letter.replayed_as)
        item = item_of(letter)
        if letter.kept.body is None or item is None:
            return _impossible(letter.id, _why_nothing_is_kept(letter))
        if letter.received_us < self.clock.now_us() - KEEP_US:
            return _impossible(letter.id, _TOO_OLD)
        try:
            append = self.judges.judge(
                letter, item if patch is None else merge_patch.apply(item, patch)
            )
        except BadInput as fault:
            return self._rejected(letter, fault)
        except RedactionFailed as fault:
            return _impossible(letter.id, fault.message)
        if append is None:
            return _impossible(letter.id, f"only its sender can send a {letter.format} again")
        return Verdict(letter.id, self._outcome(append), append=append)

    def _outcome(self, append: Append) -> Outcome:
        now_us = self.clock.now_us()
        keys = [item.key for item in append.items if item.key is not None]
        known = bool(keys) and all(self.reader.knows(key, now_us) for key in keys)
        return Outcome.DUPLICATE if known else Outcome.STORED

    def _rejected(self, letter: Letter, fault: BadInput) -> Verdict:
        return Verdict(
            letter.id,
            Outcome.REJECTED,
            reason=self.judges.text(f"{fault.path}: {fault.message}")[:_MAX_REASON],
            path=fault.path,
            rule=rule_of(fault, letter.kept.schema.partition("/")[0] or "item"),
        )

    def _of_record(self, letter_id: str, found: DeadRecord, patch: Patch) -> Verdict:
        if found.replayed is not None:
            return Verdict(letter_id, Outcome.REPLAYED, receipt=found.replayed[1])
        if patch is not None:
            return _impossible(letter_id, "a fix is for items, not for records")
        if found.letter.position < 0:
            return _impossible(letter_id, _DERIVED)
        record = self.reader.record(found.letter.position)
        if record is None:
            return _impossible(letter_id, "the record is no longer kept")
        fault = fault_of(record)
        if fault is None:
            append = replays.replay_of(record, record.source)
            return Verdict(letter_id, Outcome.READING, append=append)
        reason = self.judges.text(fault.reason)[:_MAX_REASON]
        return Verdict(letter_id, Outcome.REJECTED, reason, rule=fault.rule)


_TOO_OLD: Final = (
    "it is older than 7 days: what its sender sent since is no longer known, so it could count"
    " twice"
)
_DERIVED: Final = "what was derived comes from another record: replay that one"


def _impossible(letter_id: str, why: str) -> Verdict:
    return Verdict(letter_id, Outcome.IMPOSSIBLE, why)


def _why_nothing_is_kept(letter: Letter) -> str:
    if letter.kept.length > MAX_ITEM_BYTES:
        return "the item was too large to be kept: mend it at its sender and send it again"
    return "it could not be decoded, so nothing of it is kept: send it again"
