"""Whatever comes to the OTLP door: a clear error, or stored, whole, clean and readable again."""

from __future__ import annotations

import json
import random
import struct
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.otlp.clean import Clean, Cleaner
from collector.otlp.redact import redact
from collector.otlp.rows import log_rows, metric_rows, span_rows
from collector.otlp.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from collector.otlp.stored import _filled
from collector.otlp.validate import Refused, drop_invalid
from collector.redaction import Redactor
from kernel.errors import BadInput
from tests.collector.conformance.requests import (
    document,
    gauge,
    log,
    logs,
    metrics,
    pair,
    point,
    span,
    span_document,
    traces,
)
from tests.collector.fuzzing.choices import DECISIONS, MORE, Choices, mutated
from tests.collector.fuzzing.wire import CARD, MAIL, counted, request

REDACTOR = Redactor(b"a key for tests only")
CLEANER = Cleaner(REDACTOR)


def taken(signal: Signal, body: bytes, *, as_json: bool) -> Clean | None:
    """What may be stored; None for a body that is refused with a clear error."""
    try:
        return (CLEANER.json if as_json else CLEANER.protobuf)(signal, body)
    except BadInput as error:
        return told_why(error)


def told_why(error: BadInput) -> None:
    """A refusal says what is wrong, and where."""
    assert error.message
    assert error.path


def read(signal: Signal, clean: Clean) -> Any:
    """What was stored, as the projector reads it."""
    message = signal.request()
    if clean.as_json:
        return _filled(message, clean.body)
    message.ParseFromString(clean.body)
    return message


def canonical(message: Any) -> bytes:
    message.DiscardUnknownFields()
    return bytes(message.SerializeToString(deterministic=True))


def check(signal: Signal, body: bytes, *, as_json: bool) -> None:
    """All laws for one body."""
    clean = taken(signal, body, as_json=as_json)
    if clean is None:
        return
    given_message = as_given(signal, body, as_json=as_json)
    check_counts(signal, clean, given_message)
    if clean.held.items:
        refused = drop_invalid(given_message)
        if refused and not clean.refused and are_written_twice(refused):
            return
        assert [one.index for one in refused] == [one.index for one in clean.refused]
        redact(given_message, REDACTOR)
        assert canonical(read(signal, clean)) == canonical(given_message)
        check_again(signal, clean)


def as_given(signal: Signal, body: bytes, *, as_json: bool) -> Any:
    """What the sender said. What stands under keys that OTLP does not know may be any JSON."""
    if not as_json:
        return signal.request.FromString(body)
    return _filled(signal.request(), body if body.strip() else b"{}")


def are_written_twice(refused: list[Refused]) -> bool:
    """An accident may write an id again: see `wire`."""
    return all("_id must be" in one.reason for one in refused)


def check_counts(signal: Signal, clean: Clean, given_message: Any) -> None:
    """Nothing is lost without a word: each item is stored or told as refused."""
    stored = read(signal, clean)
    assert clean.held.items == counted(signal, stored)
    assert clean.held.items + len(clean.refused) == counted(signal, given_message)
    assert all(one.reason for one in clean.refused)
    rows = {TRACES: span_rows, METRICS: metric_rows}.get(signal)
    told = rows(stored, 1) if rows else log_rows(stored, 1, 2)
    assert signal is METRICS or len(told) == clean.held.items


def check_secrets(clean: Clean | None) -> None:
    """Nothing of what was planted is stored. An accident may make a harmless text of it."""
    stored = clean.body if clean else b""
    for secret in (CARD.encode(), MAIL.encode(), b"4111 1111 1111 1111", b"hunter2!"):
        assert secret not in stored
    for number in (struct.pack("<d", float(CARD)), struct.pack("<d", -float(CARD))):
        assert number not in stored


def check_again(signal: Signal, clean: Clean) -> None:
    """What was stored may come again: nothing of it changes any more."""
    again = taken(signal, clean.body, as_json=clean.as_json)
    assert again is not None
    assert (again.held, list(again.refused)) == (clean.held, [])
    assert canonical(read(signal, again)) == canonical(read(signal, clean))


def as_json_text(signal: Signal, body: bytes, choices: Choices) -> bytes:
    """The same request as OTLP/JSON, in one of its ways of writing."""
    told = document(signal.request.FromString(body))
    return bent_text(told, choices).encode("utf-8", "surrogatepass")


def bent_text(node: Any, choices: Choices) -> str:
    """JSON as others write it: own keys, keys twice, nulls, gaps, numbers for texts."""
    gap = choices.of(("", "", "", " ", "\n"))
    if isinstance(node, list):
        return f"[{gap}{','.join(bent_text(one, choices) for one in node)}]"
    if not isinstance(node, dict):
        is_number = isinstance(node, str) and node.lstrip("-").isdigit() and len(node) < 19
        text = str(int(node)) if is_number and choices.once_in(8) else None
        return text or json.dumps(node, ensure_ascii=bool(choices.below(2)))
    pairs = [(key, bent_text(one, choices)) for key, one in node.items()]
    if choices.once_in(12):
        own = ("null", "{}", f'"{CARD}"', "[[[1]]]", f'"{MAIL}"', "1e3", "18446744073709551615")
        pairs.insert(choices.below(len(pairs) + 1), ("own", choices.of(own)))
    if pairs and choices.once_in(20):
        pairs.append((choices.of(pairs)[0], choices.of(("null", pairs[0][1]))))
    return "{" + ",".join(f"{gap}{json.dumps(key)}:{one}" for key, one in pairs) + "}"


FORMS = pytest.mark.parametrize("as_json", [False, True], ids=["protobuf", "json"])
OF_SIGNALS = pytest.mark.parametrize("signal", SIGNALS, ids=lambda one: one.name)


def valid(signal: Signal, choices: Choices, *, as_json: bool) -> bytes:
    body = request(signal, choices)
    return as_json_text(signal, body, choices) if as_json else body


def check_valid(signal: Signal, choices: Choices, *, as_json: bool) -> None:
    body = valid(signal, choices, as_json=as_json)
    note(f"{signal.name}: {body!r}")
    check(signal, body, as_json=as_json)
    check_secrets(taken(signal, body, as_json=as_json))


def check_mutated(signal: Signal, choices: Choices, *, as_json: bool) -> None:
    body = mutated(valid(signal, choices, as_json=as_json), choices)
    note(f"{signal.name}: {body!r}")
    check(signal, body, as_json=as_json)


def check_bytes(signal: Signal, choices: Choices, *, as_json: bool) -> None:
    check(signal, choices.some(choices.below(300)), as_json=as_json)


LAWS = (check_valid, check_mutated, check_bytes)


@FORMS
@OF_SIGNALS
@pytest.mark.parametrize("law", LAWS, ids=lambda one: one.__name__)
def test_any_body_is_stored_whole_and_clean_or_refused(law, signal, as_json):
    @MORE
    @given(decisions=DECISIONS)
    def checked(decisions: bytes) -> None:
        law(signal, Choices(decisions), as_json=as_json)

    checked()


@FORMS
@OF_SIGNALS
def test_the_written_requests_are_valid_and_reach_both_ways(signal, as_json):
    """Or the laws above would say nothing."""
    reached: set[str] = set()
    for seed in range(400):
        chance = random.Random(seed)
        decisions = chance.randbytes(chance.choice((20, 60, 150, 600)))
        body = valid(signal, Choices(decisions), as_json=as_json)
        clean = taken(signal, body, as_json=as_json)
        assert clean is not None or as_json
        if clean is not None and clean.held.items:
            reached.add("changed" if clean.body != body else "same")
            reached |= {"refused"} if clean.refused else set()
    wanted = {"changed"} | ({"same"} if not as_json or signal is not METRICS else set())
    assert reached >= (wanted if signal is LOGS else {*wanted, "refused"})


# What is wrong with an item, and takes none of its neighbours with it.
BAD_SPANS: tuple[dict[str, Any], ...] = (
    {"trace_id": b""},
    {"trace_id": bytes(16)},
    {"trace_id": b"x" * 15},
    {"trace_id": b"x" * 64},
    {"span_id": b""},
    {"span_id": bytes(8)},
    {"span_id": b"x" * 9},
    {"trace_id": CARD.encode(), "span_id": b""},
)
BAD_POINTS: tuple[dict[str, Any], ...] = ({"time_unix_nano": 0},)
PLACES = st.lists(st.none() | st.integers(0, len(BAD_SPANS) - 1), max_size=9)


def batch(signal: Signal, places: list[int | None]) -> Any:
    """An export in which the items at None are good and bear the mark of their place."""
    if signal is TRACES:
        spans = [span(name=f"good.{at}") if bad is None else span(name="bad", **BAD_SPANS[bad])
                 for at, bad in enumerate(places)]  # fmt: skip
        return traces(*spans)
    if signal is LOGS:
        return logs(*(log(f"good.{at}") for at, bad in enumerate(places) if bad is None))
    points = [point(at) if bad is None else point(99, **BAD_POINTS[0])
              for at, bad in enumerate(places)]  # fmt: skip
    return metrics(*(gauge(f"good.{at}", one, *points[:1]) for at, one in enumerate(points)))


@FORMS
@OF_SIGNALS
@given(places=PLACES)
def test_a_good_item_among_bad_ones_is_always_kept(signal, as_json, places):
    message = batch(signal, places)
    body = json.dumps(document(message)).encode() if as_json else message.SerializeToString()
    clean = taken(signal, body, as_json=as_json)
    assert clean is not None
    stored = read(signal, clean)
    good = {at for at, bad in enumerate(places) if bad is None}
    rows = {TRACES: span_rows, METRICS: metric_rows}.get(signal)
    told = rows(stored, 1) if rows else log_rows(stored, 1, 2)
    if signal is METRICS:
        assert {int(row.value) for row in told} == good
    else:
        names = {row.name if signal is TRACES else row.body for row in told}
        assert names == {f"good.{at}" for at in good}


def a_span(**fields: Any) -> bytes:
    return bytes(traces(span(**fields)).SerializeToString())


def rewritten(fields: bytes) -> bytes:
    """A span at whose end these bytes stand."""
    message = traces(span())
    inner = Span.FromString(message.resource_spans[0].scope_spans[0].spans[0].SerializeToString())
    item = inner.SerializeToString() + fields
    whole = b"\x12" + bytes([len(item)]) + item
    return b"\x0a" + bytes([len(whole) + 2]) + b"\x12" + bytes([len(whole)]) + whole


LENGTHS = (60, 100, 130, 6_200, 8_400, 13_000, 800_000)


@pytest.mark.parametrize("size", LENGTHS)
def test_a_long_text_that_begins_with_a_card_is_masked(size):
    """The last byte of its length looks like a letter or a digit."""
    body = a_span(name=f"{CARD} " + "x " * (size // 2))
    check(TRACES, body, as_json=False)
    check_secrets(taken(TRACES, body, as_json=False))
    key = "pan." + "y" * size
    check(TRACES, a_span(attributes=[pair(key, string_value="x")]), as_json=False)


_INT = bytes.fromhex("c7e3a3ab8ae1a607")
_DOUBLE = struct.pack("<d", float(CARD))


@pytest.mark.parametrize(
    "value",
    [
        b"\x18" + _INT,
        b"\x18" + _INT[:-1] + bytes([_INT[-1] | 0x80]) + b"\x00",
        b"\x98\x00" + _INT,
        b"\x98\x80\x80\x00" + _INT,
        b"\x21" + _DOUBLE,
        b"\xa1\x00" + _DOUBLE,
    ],
)
def test_a_card_number_written_with_more_bytes_than_it_needs_is_masked(value):
    attribute = b"\x0a\x01a\x12" + bytes([len(value)]) + value
    body = rewritten(b"\x4a" + bytes([len(attribute)]) + attribute)
    check(TRACES, body, as_json=False)
    clean = taken(TRACES, body, as_json=False)
    assert clean is not None
    assert b"[pan:1111]" in clean.body


@pytest.mark.parametrize("text", [CARD, MAIL, "password=hunter2!"])
def test_what_is_overwritten_in_a_body_is_not_stored_either(text):
    written = bytes([len(text)]) + text.encode()
    for fields in (b"\x2a" + written + b"\x2a\x02ok", b"\xa2\x1f" + written):
        check(TRACES, rewritten(fields), as_json=False)
        check_secrets(taken(TRACES, rewritten(fields), as_json=False))


@pytest.mark.parametrize("key", ["pin", "x.otp", "card.pan"])
def test_a_key_at_the_very_end_of_an_item_is_that_items(key):
    """What shows that the word ends may be the first byte of the next item."""
    message = logs(log(attributes=[KeyValue(key=key)]), log())
    check(LOGS, message.SerializeToString(), as_json=False)
    value = b"\x12\x03\x0a\x011" + b"\x0a" + bytes([len(key)]) + key.encode()
    check(TRACES, rewritten(b"\x4a" + bytes([len(value)]) + value), as_json=False)


def test_a_key_that_held_a_card_keeps_its_value_when_it_comes_again():
    body = a_span(attributes=[pair(f"paid with {CARD}", string_value="kept")])
    check(TRACES, body, as_json=False)


@pytest.mark.parametrize("levels", range(20, 60))
@pytest.mark.parametrize("kind", ["arrayValue", "kvlistValue"])
def test_values_as_deep_as_they_are_taken_can_be_read_again(kind, levels):
    value: Any = {"intValue": "1"}
    for _ in range(levels):
        value = {kind: {"values": [{"key": "k", "value": value} if kind[0] == "k" else value]}}
    document_ = span_document(attributes=[{"key": "deep", "value": value}])
    check(TRACES, json.dumps(document_).encode(), as_json=True)
    assert levels > 25 or taken(TRACES, json.dumps(document_).encode(), as_json=True)
