"""Decoding raw OTLP records again: the one place that knows in which form they are stored."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from collector.otlp.signals import BY_FORMAT
from kernel.errors import BadInput
from kernel.journal import JournalRecord


def message_of(record: JournalRecord) -> Any:
    """The Export*ServiceRequest of a record of an `otlp.*` format. Raises BadInput."""
    message = BY_FORMAT[record.format].request()
    try:
        message.ParseFromString(record.body)
    except DecodeError as error:
        raise BadInput(str(error)[:200], rule=record.format) from None
    return message
