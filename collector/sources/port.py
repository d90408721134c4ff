"""What every kind of webhook source is: checked at receipt on the raw body, read later.

Two halves, in two processes. At the door `verify` looks at the bytes as they came, before anything
is parsed, and says what is worth keeping. In the engine `tell` reads what was kept and says which
shop events it means; it is a pure function of the stored document, so that a mended mapping can
read the same records again.

What is stored of one notification is `{"ids": {...}, "event": {...}}`: under `ids` the identifiers
that joins need (their keys end in `_id`, so that the redactor keeps them one to one), under `event`
the fields that the kind names, in the provider's own shape. Everything else of a notification is
personal far more often than it is useful, and never reaches the disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from collector.events.item import MAX_AGE_US, MAX_AHEAD_US
from kernel.shop_event import ShopEvent

FORMAT_PREFIX = "webhook."
# How far a signed time may lie from ours, on both sides.
TOLERANCE_S = 300


@dataclass(frozen=True)
class Delivery:
    """One request as it came. `body`: the bytes that were signed; header names in lower case.

    `token`: what the address carries for kinds that sign nothing (`?token=...`), else "".
    """

    body: bytes
    headers: Mapping[str, str]
    now_us: int
    token: str = ""

    @property
    def now_s(self) -> int:
        """Receive time in whole seconds, as signed timestamps are."""
        return self.now_us // 1_000_000


@dataclass(frozen=True)
class Note:
    """One verified notification, decoded and not yet redacted.

    `key`: the identity that the provider declares; it makes a repeat known. `at_us`: the
    provider's own time. `index`: its place in the body.
    """

    key: str
    at_us: int
    ids: Mapping[str, str]
    event: Mapping[str, Any]
    index: int = 0


@dataclass(frozen=True)
class Refused:
    """One item of a body that cannot be taken. `data` is measured, never kept."""

    index: int
    path: str
    reason: str
    data: bytes


@dataclass(frozen=True)
class Ignored:
    """One item that is genuine and of no use here, and why: let go, and said so."""

    index: int
    reason: str


@dataclass(frozen=True)
class Verified:
    """What one body holds. `refused`: items that do not sink their neighbours."""

    notes: Sequence[Note]
    refused: Sequence[Refused] = ()
    ignored: Sequence[Ignored] = ()


@dataclass(frozen=True)
class Answer:
    """How a provider wants to be told that everything is durable; None: our JSON document."""

    status: int = 202
    text: str | None = None


@dataclass(frozen=True)
class Told:
    """What a stored notification does not say itself: its source and its receive time."""

    source: str
    received_us: int

    def time_of(self, at_us: int) -> tuple[int, str]:
        """Event time and its flag: more than 5 min ahead counts at receive time."""
        if at_us > self.received_us + MAX_AHEAD_US:
            return self.received_us, "future"
        return at_us, ""


@dataclass(frozen=True)
class Stored:
    """One stored notification, read back."""

    ids: Mapping[str, str] = field(default_factory=dict)
    event: Mapping[str, Any] = field(default_factory=dict)


class WebhookKind(Protocol):
    """One provider's way of signing and of saying what happened."""

    @property
    def name(self) -> str:
        """The word in the address: `/webhooks/{name}/{source}`."""

    @property
    def answer(self) -> Answer:
        """What the provider hears once everything good of its body is on disk."""

    def secret(self, text: str) -> bytes:
        """The key of a configured secret. Raises BadInput that says what a secret looks like."""

    def verify(self, delivery: Delivery, keys: Sequence[bytes]) -> Verified:
        """Check the signature on the raw body with each of the keys, and only then parse.

        Raises NotAuthenticated where no key fits (401: nothing is kept but length, keyed digest
        and reason), BadInput where the body is the provider's but says nothing we can use.
        """

    def tell(self, stored: Stored, told: Told) -> list[ShopEvent]:
        """The shop events that a stored notification means. Pure; none where it means none.

        Ids are the provider's own, so that the same notification is the same event whichever
        record brings it. Raises BadInput where the stored document is not what `verify` keeps.
        """


def format_of(kind: str) -> str:
    """The journal format of this kind's records: a JSON array of what was kept."""
    return FORMAT_PREFIX + kind


def too_old(note: Note, now_us: int) -> bool:
    """True for what lies so far back that no window could show it."""
    return note.at_us < now_us - MAX_AGE_US
