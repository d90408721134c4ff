"""Whatever comes as events, changes or flag files: each item is stored or refused by itself."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, note

from collector.bodies import decompress
from collector.changes.change import change_row
from collector.changes.flagd import MEDIA_TYPE, FlagFile, differences
from collector.changes.flagd_intake import FlagdIntake
from collector.changes.intake import ChangeIntake
from collector.events.intake import Prepared
from kernel.errors import BadInput, TooLarge, UnsupportedFormat
from kernel.shop_event import decode_events
from tests.collector.events.test_common_shape import (
    CAREFUL,
    CLOCK,
    MEDIA,
    NOW,
    QUICK,
    REDACTOR,
    verdict,
)
from tests.collector.fuzzing.choices import DECISIONS, MORE, Choices, mutated
from tests.collector.fuzzing.documents import anything, bent, text_of

EVENT: Mapping[str, Any] = {
    "specversion": "1.0",
    "id": "e1",
    "source": "till",
    "type": "payment.failed",
    "time": NOW,
    "subject": "pay-1",
    "data": {
        "payment_id": "pay-1",
        "amount_minor": 1_999,
        "currency": "EUR",
        "decline_class": "technical",
        "latency_ms": 120.5,
        "attributes": {"shop": "berlin", "n": 3},
    },
}
CHANGE: Mapping[str, Any] = {
    "id": "c1",
    "kind": "deploy",
    "service": "payments",
    "summary": "release 7",
    "at": NOW,
    "url": "https://ci.example/7",
    "rollback": True,
    "attributes": {"sha": "abc", "n": 1},
}
CDEVENT: Mapping[str, Any] = {
    "specversion": "1.0",
    "id": "cd1",
    "source": "/ci",
    "type": "dev.cdevents.service.deployed.0.2.0",
    "time": NOW,
    "data": {
        "context": {"id": "1", "source": "/ci", "timestamp": NOW},
        "subject": {
            "id": "payments",
            "content": {
                "environment": {"id": "prod"},
                "artifactId": "pkg:oci/payments@sha256%3Aab?tag=1.2",
            },
        },
    },
}
FLAGS: Mapping[str, Any] = {
    "flags": {
        "checkout": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {"if": [{"$ref": "staff"}, "on"]},
        }
    },
    "$evaluators": {"staff": {"in": ["@example.com", {"var": "email"}]}},
}
CHANGES = ChangeIntake(REDACTOR, CLOCK)
FILES = FlagdIntake(REDACTOR)
Intake = Callable[[bytes, Mapping[str, str]], Prepared]


def change_intake(body: bytes, headers: Mapping[str, str]) -> Prepared:
    return CHANGES.prepare(body, headers, "ci")


def event_intake(body: bytes, headers: Mapping[str, str]) -> Prepared:
    return QUICK.prepare(body, headers, "shop")


def file_intake(body: bytes, headers: Mapping[str, str]) -> Prepared:
    return FILES.prepare(body, headers, "ci", {"service": "payments"})


def prepared(intake: Intake, body: bytes, headers: Mapping[str, str]) -> Prepared | None:
    """What becomes of a body; None where it is refused whole with a clear error."""
    try:
        made = intake(body, headers)
    except (TooLarge, UnsupportedFormat):
        return None
    for one in made.rejected:
        assert {"index", "path", "rule", "reason"} <= one.keys()
        assert one["path"]
        assert one["rule"]
        assert one["reason"]
    assert [one["index"] for one in made.rejected] == [one["index"] for one in made.append.rejected]
    assert made.append.items or made.rejected or made.refusal or is_empty(body)
    return made


def is_empty(body: bytes) -> bool:
    return body.strip() in {b"", b"[]"} or not json.loads(body)


def read_events(made: Prepared) -> list[str]:
    """Ids of all that was stored, read as the projector reads it."""
    return [decode_events(b"[" + item.data + b"]")[0].id for item in made.append.items]


def read_changes(made: Prepared) -> list[str]:
    """The same of changes, and each has its row."""
    found = [msgspec.json.decode(item.data) for item in made.append.items]
    for one in found:
        assert change_row(one, 1, 0, CLOCK.now_us()).service
    return [str(one.get("id", "")) for one in found]


READERS: dict[Intake, Callable[[Prepared], list[str]]] = {
    event_intake: read_events,
    change_intake: read_changes,
}
GOOD: dict[Intake, tuple[Mapping[str, Any], ...]] = {
    event_intake: (EVENT,),
    change_intake: (CHANGE, CDEVENT),
}
BATCHES = pytest.mark.parametrize("intake", READERS, ids=lambda one: one.__name__)


@BATCHES
@MORE
@given(decisions=DECISIONS)
def test_a_good_item_is_kept_whatever_its_neighbours_are(intake, decisions):
    choices = Choices(decisions)
    texts, good = [], set()
    for place in range(choices.below(7)):
        mould = choices.of(GOOD[intake])
        if choices.below(2):
            good.add(f"good-{place}")
            texts.append(json.dumps({**mould, "id": f"good-{place}"}).encode())
        else:
            texts.append(text_of(anything(choices) if choices.below(2) else bent(mould, choices)))
    as_lines = bool(choices.below(2))
    if as_lines:  # Lines are cut apart before anything is read: they may be anything.
        texts += (
            [mutated(texts[0], choices).replace(b"\n", b"").replace(b"\r", b"")] if texts else []
        )
        texts = [text for text in texts if text.strip()]
    body = b"\n".join(texts) if as_lines else b"[" + b",".join(texts) + b"]"
    note(body)
    made = prepared(intake, body, {"content-type": MEDIA["lines" if as_lines else "plain"]})
    assert made is not None
    stored = READERS[intake](made)
    assert good <= set(stored)
    assert len(stored) + len(made.rejected) == len(texts)


@BATCHES
@MORE
@given(decisions=DECISIONS)
def test_any_body_is_taken_item_by_item_or_refused(intake, decisions):
    choices = Choices(decisions)
    mould = text_of([bent(one, choices) for one in GOOD[intake] * 2])
    body = choices.of((mutated(mould, choices), text_of(anything(choices)), choices.some(60)))
    headers = {"content-type": choices.of([*MEDIA.values(), "text/plain; a=b", "a/b", ""])}
    if choices.below(2):
        names = ("ce-id", "ce-type", "ce-source", "ce-specversion", "ce-time", "ce-Ä", "ce-data")
        values = ("1.0", "a.b.c", "payment.failed", '"a', "%C3%A4", "%", "%FF", NOW, "\xe4", "\\")
        headers |= {choices.of(names): choices.of(values) for _ in range(choices.below(7))}
        headers |= {"content-encoding": choices.of(("", "", "", "gzip", "identity", "br"))}
    note((headers, body))
    made = prepared(intake, body, headers)
    if made is not None:
        READERS[intake](made)
    if intake is event_intake and "ce-id" not in headers and len(headers) == 1:
        media = headers["content-type"]
        assert verdict(QUICK, body, media) == verdict(CAREFUL, body, media)


@MORE
@given(decisions=DECISIONS)
def test_a_flag_file_is_taken_whole_or_refused(decisions):
    choices = Choices(decisions)
    document = bent(FLAGS, choices)
    if choices.once_in(3):
        document = {"flagd": document, "service": anything(choices), "set": "eu"}
    text = text_of(document)
    body = mutated(text, choices) if choices.below(2) else text
    note(body)
    made = prepared(file_intake, body, {"content-type": MEDIA_TYPE})
    assert made is not None
    assert (made.refusal is None) == bool(made.append.items)
    for item in made.append.items:
        file = msgspec.json.decode(item.data, type=FlagFile)
        assert not differences(file.flags, file.flags)


MAX_BYTES = 64 * 1024
_PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("encoding", _PACK)
@MORE
@given(decisions=DECISIONS)
def test_a_damaged_encoding_is_refused_and_its_output_is_bounded(encoding, decisions):
    choices = Choices(decisions)
    plain = choices.some(choices.below(300)) * (1 + choices.below(2) * 900)
    packed = _PACK[encoding](plain)
    is_cut = bool(choices.below(2))
    body = packed[: 1 + choices.below(len(packed) - 1)] if is_cut else mutated(packed, choices)
    kept: list[int] = []
    try:
        found = decompress(body, encoding, MAX_BYTES, kept.append)
    except (BadInput, TooLarge):
        found = None
    if found is not None:
        assert not is_cut
        assert len(found) == sum(kept)
        assert body != packed or found == plain
    assert sum(kept) <= MAX_BYTES
