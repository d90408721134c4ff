"""The quick step for common events decides as the careful way does, on every input."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.bench.traffic import Traffic
from app.demo.world import World
from collector.events.common import CommonData, read_array, read_one
from collector.events.decode import texts_of
from collector.events.intake import Draft, EventIntake
from collector.redaction import Redactor
from kernel.clock import DAY_US, FrozenClock, rfc3339
from kernel.errors import TillwatchError
from kernel.shop_event import DECLINE_CLASSES, STRING_FIELDS, ShopEvent

CLOCK = FrozenClock()
REDACTOR = Redactor(b"a key for tests only")
QUICK = EventIntake(REDACTOR, CLOCK)


class CarefulIntake(EventIntake):
    """Takes nothing by the quick step."""

    def begin(self, body: bytes, headers: Mapping[str, str], sender: str) -> Draft:
        draft = super().begin(body, headers, sender)
        return replace(
            draft,
            texts=texts_of(body, draft.shape.form),
            checked=[None for _ in draft.checked],
        )


CAREFUL = CarefulIntake(REDACTOR, CLOCK)
NOW = rfc3339(CLOCK.now_us())
MEDIA = {
    "plain": "application/json",
    "lines": "application/x-ndjson",
    "structured": "application/cloudevents+json",
    "batch": "application/cloudevents-batch+json",
}


def verdict(intake: EventIntake, body: bytes, media: str) -> Any:
    """All that comes out of a body, in a form that can be compared."""
    try:
        made = intake.prepare(body, {"content-type": media}, 'the "shop"')
    except TillwatchError as error:
        return type(error), error.message
    made_up = [one["index"] for one in made.generated_ids]
    items = [None if made_up else (item.data, item.key) for item in made.append.items]
    refusal = made.refusal and (made.refusal.message, made.refusal.path, made.refusal.hint)
    return made.append.source, items, made.rejected, made_up, refusal


ORDINARY = ["a", "co_94b2a02f34a6:start", "EUR", "DE", "a:b", "1.0", "application/json", "ab" * 16]
TYPES = ["page.viewed", "order.placed", "com.example.thing", "payment.expired", "payment.suceeded"]
CHOICES = ["backend", "browser", *DECLINE_CLASSES]
PERSONAL = ["4111 1111 1111 1111", "card 4111111111111111", "ada@example.org", "100%25"]
STRANGE = ["", " ", ":", "x" * 200, "x" * 201, "AB" * 16, "\x7f", "\t", 'quo"te', "back\\slash"]
FOREIGN = ["M\u00fcnchen", "\u20ac", "\U0001f600", "\u200b", "a\x00b", "\x85"]
ALL_TEXTS = [*ORDINARY, *TYPES, *CHOICES, *PERSONAL, *STRANGE, *FOREIGN]
TEXTS = st.sampled_from(ALL_TEXTS)
GOOD_TIMES = [NOW, NOW.replace("T", " "), NOW.replace("Z", "+01:00"), NOW[:19] + "Z"]
AHEAD, LONG_AGO = CLOCK.now_us() + 10**9, CLOCK.now_us() - 500 * DAY_US
BAD_TIMES = [NOW[:19], "", "soon", rfc3339(AHEAD), rfc3339(LONG_AGO), NOW[:-1] + "99z"]
BENT_TIMES = [
    "2026-02-30T00:00:00Z",
    "2026-W01-1T10:00:00.0Z",
    f"{NOW[:20]}\u0663Z",
    f"{NOW[:20]}Z",
]
ALL_TIMES = [*GOOD_TIMES, *BAD_TIMES, *BENT_TIMES]
TIMES = st.sampled_from(ALL_TIMES)
SMALL = [
    "0",
    "-0",
    "1",
    "1999",
    "-1",
    "1.0",
    "12.5",
    "1e3",
    "0.1",
    "1e12",
    "999999999999.9",
    "1e-400",
]
LARGE = [str(1 << 53), str((1 << 53) - 1), str(1 << 63), str(-(1 << 63)), "9" * 30, "1E400"]
ODD_NUMBERS = ["01", "+1", "1.", ".5", "NaN", "4111111111111111", "4111111111111111e0"]
ALL_NUMBERS = [*SMALL, *LARGE, *ODD_NUMBERS]
NUMBERS = st.sampled_from(ALL_NUMBERS)
OTHERS = ["null", "true", "false", "{}", "[]", '{"a":1}', '["a"]', '"\\ud800"', '"\\u0022"', "x"]
RAW = (
    TEXTS.map(json.dumps)
    | TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False))
    | TIMES.map(json.dumps)
    | NUMBERS
    | st.sampled_from(OTHERS)
)
GAPS = st.sampled_from(["", "", "", " ", "\n", "\t "])
ODD_KEYS = [
    "",
    "note",
    "user.email",
    "cvv",
    "password",
    "subject",
    "Type",
    "\\u0069d",
    "traceparent",
]
DATA_KEYS = [*STRING_FIELDS, "amount_minor", "latency_ms", "origin"]


@st.composite
def objects(draw: Any, pairs: list[tuple[str, str]]) -> str:
    gap = draw(GAPS)
    found = [f"{gap}{json.dumps(key)}{draw(GAPS)}:{gap}{raw}" for key, raw in pairs]
    return "{" + ",".join(found) + gap + "}"


@st.composite
def bent(draw: Any, pairs: list[tuple[str, str]], keys: list[str]) -> list[tuple[str, str]]:
    """Mostly what was given; some pairs gone, twice, changed, or of another key."""
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 1, 2]))):
        raw, at = draw(RAW), draw(st.integers(0, len(pairs)))
        match draw(st.sampled_from(["add", "drop", "twice", "change"])):
            case "add":
                pairs.insert(at, (draw(st.sampled_from([*keys, *ODD_KEYS])), raw))
            case "drop":
                del pairs[at : at + 1]
            case "twice":
                pairs += pairs[at : at + 1]
            case "change":
                pairs[at : at + 1] = [(key, raw) for key, _ in pairs[at : at + 1]]
    return pairs


@st.composite
def events(draw: Any) -> str:
    data = [("payment_id", '"p1"'), ("amount_minor", "1999"), ("currency", '"EUR"')]
    data += [("latency_ms", "120.5"), ("method", '"card"'), ("origin", '"backend"')]
    if draw(st.booleans()):
        attributes = draw(bent([("shop", '"berlin"'), ("n", "3")], ["a", "b"]))
        data.append(("attributes", draw(objects(attributes))))
    if draw(st.booleans()):
        data.append(("decline_class", '"technical"'))
    inner = draw(objects(draw(bent(data, DATA_KEYS))))
    outer = [("specversion", '"1.0"'), ("id", '"e1"'), ("source", '"till"')]
    outer += [("type", '"payment.failed"'), ("time", f'"{NOW}"'), ("data", inner)]
    outer_keys = [key for key, _ in outer] + ["datacontenttype", "data_base64"]
    return draw(objects(draw(bent(outer, outer_keys))))


@settings(max_examples=400)
@given(texts=st.lists(events() | RAW, max_size=4), form=st.sampled_from(list(MEDIA)))
@example(texts=['{"id":"a","type":"a.b.c","type":"order.placed","data":{}}'], form="plain")
@example(texts=['{"id":"a","type":"a.b.c","data":{"step":"a","step":":"}}'], form="plain")
@example(texts=['{"id" :"a","type":"a.b.c","data":{"step":"a","step":"b"}}'], form="batch")
def test_quick_and_careful_agree(texts: list[str], form: str) -> None:
    if form == "lines":
        text = "\n".join(one.replace("\n", " ") for one in texts)
    elif form == "structured" or (form == "plain" and len(texts) == 1):
        text = texts[0] if texts else ""
    else:
        text = f"[{','.join(texts)}]"
    body = text.encode("utf-8", "surrogatepass")
    assert verdict(QUICK, body, MEDIA[form]) == verdict(CAREFUL, body, MEDIA[form])


def every_value() -> list[str]:
    texts = [*ALL_TEXTS, *ALL_TIMES]
    bare = [json.dumps(text, ensure_ascii=False) for text in texts]
    return [*bare, *map(json.dumps, texts), *ALL_NUMBERS, *OTHERS]


@pytest.mark.parametrize("key", [*DATA_KEYS, *ODD_KEYS])
def test_quick_and_careful_agree_on_every_value_in_every_field(key: str) -> None:
    envelope = '"id":"e1","source":"till","specversion":"1.0","type":"order.placed"'
    data = '"currency":"EUR",' if key == "amount_minor" else ""
    for raw in every_value():
        pair = f'"{key}":{raw}'
        for text in (
            f'{{{envelope},"data":{{{data}{pair}}}}}',
            f'{{{envelope},"data":{{"attributes":{{{pair}}}}}}}',
            f'{{{envelope},{pair},"data":{{}}}}',
        ):
            body = text.encode("utf-8", "surrogatepass")
            for form in ("plain", "structured"):
                assert verdict(QUICK, body, MEDIA[form]) == verdict(CAREFUL, body, MEDIA[form])


@pytest.mark.parametrize("key", ["id", "source", "type", "time", "specversion", "datacontenttype"])
def test_quick_and_careful_agree_on_every_value_in_the_envelope(key: str) -> None:
    good = {"id": '"e1"', "source": '"till"', "specversion": '"1.0"', "type": '"order.placed"'}
    for raw in (None, *every_value()):
        given = {name: value for name, value in {**good, key: raw}.items() if value is not None}
        pairs = ",".join(f'"{name}":{value}' for name, value in given.items())
        body = f'[{{{pairs},"data":{{"step":"a"}}}}]'.encode("utf-8", "surrogatepass")
        for form in ("plain", "batch"):
            assert verdict(QUICK, body, MEDIA[form]) == verdict(CAREFUL, body, MEDIA[form])


def test_the_demo_shops_events_take_the_quick_step() -> None:
    traffic = Traffic(World(random.Random(7)))
    body = traffic.events(100, CLOCK.now_us())
    draft = QUICK.begin(body, {"content-type": "application/json"}, "shop")
    # Some ids look a little like card numbers: ten digits in a row.
    assert draft.odd < 10
    assert verdict(QUICK, body, MEDIA["plain"]) == verdict(CAREFUL, body, MEDIA["plain"])


def test_one_odd_event_leaves_its_neighbours_on_the_quick_step() -> None:
    good = {"id": "a", "type": "order.placed", "data": {"order_id": "o1"}}
    body = json.dumps([good, {**good, "data": {"note": "4111 1111 1111 1111"}}, good]).encode()
    draft = QUICK.begin(body, {"content-type": "application/json"}, "shop")
    assert [one is None for one in draft.checked] == [False, True, False]


@pytest.mark.parametrize(
    "text",
    [
        '{"id":"a","id":"a","type":"order.placed","data":{}}',
        '{"id":"a","type":"order.placed","data":{"step":"\\u0061"}}',
        '{"id":"a","type":"order.placed","data":{"note":"a"}}',
        '{"id":"","type":"order.placed","data":{}}',
        '{"id":"a","type":"order.placed","data":{"step":"M\u00fcnchen"}}',
    ],
)
def test_odd_events_get_no_answer_here(text: str) -> None:
    assert read_one(text.encode()) is None
    assert read_array(f"[{text}]".encode()) is None


def test_the_quick_step_knows_every_field_of_a_shop_event_in_order() -> None:
    envelope = {"id", "source", "type", "time_us", "time_flag"}
    fields = [name for name in ShopEvent.__struct_fields__ if name not in envelope]
    assert list(CommonData.__struct_fields__) == fields
