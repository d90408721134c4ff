"""A flagd file on its way in: posted to `/api/changes`, or read where it lies.

A malformed file is refused whole and leaves what was known before: half a file would look like
flags that somebody removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from collector.bodies import decompress
from collector.changes.flagd import FORMAT, MEDIA_TYPE, FlagDefinition, FlagFile, flag_set
from collector.events.intake import MAX_BODY_BYTES, Prepared
from collector.redaction import Redactor
from collector.rejections import FLAGD_SCHEMA, Rejections
from kernel import strict_json
from kernel.errors import BadInput
from kernel.journal import Append, Item, Stream
from kernel.quoting import cut

_MAX_NAME = 200


def is_flagd(headers: Mapping[str, str]) -> bool:
    """Whether the body says that it is a flagd file."""
    return headers.get("content-type", "").split(";")[0].strip().lower() == MEDIA_TYPE


class FlagdIntake:
    """From bytes to what is stored of them."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def prepare(
        self, body: bytes, headers: Mapping[str, str], sender: str, where: Mapping[str, str]
    ) -> Prepared:
        """`where`: the query's service, environment and set. Raises TooLarge, UnsupportedFormat."""
        rejections = Rejections(self._redactor, FLAGD_SCHEMA)
        items: list[Item] = []
        try:
            plain = decompress(body, headers.get("content-encoding", ""), MAX_BODY_BYTES)
            items.append(self.item(plain, _named(where)))
        except BadInput as fault:
            # Of a file that names customers in its rules only length and digest are kept.
            rejections.add(0, fault, raw=body)
        append = self.append(items, sender, rejections.letters)
        return Prepared(append, rejections.answers, refusal=rejections.refusal())

    def item(self, body: bytes, where: Mapping[str, str]) -> Item:
        """What is stored of a file. Raises BadInput."""
        document = strict_json.loads(body)
        if isinstance(document, Mapping) and "flagd" in document:
            where, document = _wrapped(document, where)
        if not where.get("service"):
            raise BadInput(
                "a flag file belongs to a service", path="service", hint="add ?service=<name>"
            )
        text = self._redactor.text
        flags = {
            text(name): FlagDefinition(one.state, text(one.default), one.variants, one.targeting)
            for name, one in flag_set(document).items()
        }
        file = FlagFile(
            text(where["service"]), text(where["environment"]), text(where["set"]), flags
        )
        return Item(msgspec.json.encode(file))

    @staticmethod
    def append(
        items: list[Item], source: str, rejected: list[dict[str, Any]], at: str = ""
    ) -> Append:
        """`at`: when it changed, where that is known better than by its receipt."""
        return Append(
            stream=Stream.RAW,
            source=source,
            format=FORMAT,
            items=items,
            rejected=rejected,
            detail={"at": at} if at else {},
        )


def _wrapped(document: Mapping[str, Any], where: Mapping[str, str]) -> tuple[dict[str, str], Any]:
    """The form `{"flagd": {...}, "service": ..., "environment": ..., "set": ...}`."""
    unknown = document.keys() - {"flagd", "service", "environment", "set"}
    if unknown:
        name = cut(min(unknown), 80)
        raise BadInput(f"unknown field {name!r}", path=f"$.{name}", rule="flagd.field")
    names = {name: value for name, value in document.items() if name != "flagd"}
    if not all(isinstance(value, str) for value in names.values()):
        raise BadInput("service, environment and set are texts")
    return _named({**where, **names}), document["flagd"]


def _named(where: Mapping[str, str]) -> dict[str, str]:
    found = {name: where.get(name, "") for name in ("service", "environment", "set")}
    for name, value in found.items():
        if len(value) > _MAX_NAME:
            raise BadInput(f"longer than {_MAX_NAME} characters", path=name)
    return found
