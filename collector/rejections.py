"""The rejected items of one request: what the answer says of them, and what their letters keep.

What is kept is redacted. Of what could not be decoded nobody can say what is in it: only its length
and its keyed digest stay.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from collector.redaction import Redactor
from kernel.errors import BadInput
from kernel.journal import Kept

# By which version of our schemas items are judged; a new one where a rule changes its meaning.
EVENT_SCHEMA: Final = "event/1"
CHANGE_SCHEMA: Final = "change/1"
FLAGD_SCHEMA: Final = "flagd/1"
OTLP_SCHEMA: Final = "otlp/1"

_MAX_REASON: Final = 500
_MAX_SOURCE: Final = 200
_WORD = re.compile(r"[a-z0-9_]{1,40}\Z")


class Rejections:
    """Gathers them. `answers` is for the sender, `letters` for the journal; both in order."""

    def __init__(self, redactor: Redactor, schema: str, *, mode: str = "") -> None:
        """`schema`: `<family>/<version>`; the family begins the rules' names."""
        self._redactor = redactor
        self._schema = schema
        self._family = schema.partition("/")[0]
        self._mode = mode
        self._first: BadInput | None = None
        self.answers: list[dict[str, Any]] = []
        self.letters: list[dict[str, Any]] = []

    def add(self, index: int, fault: BadInput, value: Any = None, raw: bytes | str = b"") -> None:
        """Refuse one item: `value` where it was decoded, else `raw` as it came.

        Raises RedactionFailed where its value cannot be judged: then nothing may be stored.
        """
        answer = {
            "index": index,
            "path": self._redactor.text(fault.path),
            "rule": rule_of(fault, self._family),
            "reason": self._redactor.text(f"{fault.path}: {fault.message}")[:_MAX_REASON],
        }
        self._first = self._first or fault
        self.answers.append(answer)
        self.letters.append({**answer, "kept": self._kept(value, raw)})

    def refusal(self) -> BadInput | None:
        """The error of a request whose one item was rejected."""
        if self._first is None:
            return None
        return BadInput(
            self.answers[0]["reason"],
            path=self.answers[0]["path"],
            hint=self._first.hint,
            problems=self.answers,
        )

    def _kept(self, value: Any, raw: bytes | str) -> Kept:
        if value is None:
            data = raw.encode() if isinstance(raw, str) else raw
            return Kept(self._schema, "", self._mode, None, len(data), self._redactor.digest(data))
        redacted = self._redactor.document(value)
        body = msgspec.json.encode(redacted)
        digest = self._redactor.digest(body)
        return Kept(self._schema, _source(redacted), self._mode, body, len(body), digest)


def rule_of(fault: BadInput, family: str) -> str:
    """The stable name of the check that failed: its own, else the family and the field's name.

    Paths of code-made names only: a check whose path holds a sender's names brings its own rule.
    """
    if fault.rule:
        return fault.rule
    field = fault.path.rpartition(".")[2].lower()
    return f"{family}.{field}" if _WORD.match(field) else f"{family}.malformed"


def _source(document: Any) -> str:
    """The item's own word for its source, where it is usable as one."""
    source = document.get("source") if isinstance(document, dict) else None
    usable = isinstance(source, str) and len(source) <= _MAX_SOURCE and source.isprintable()
    return str(source) if usable else ""
