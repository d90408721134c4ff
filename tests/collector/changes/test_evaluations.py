"""Flag evaluations in OTLP become changes at GET /api/changes, whoever wrote them and however."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.changes.evaluations import ERROR_VARIANT, of_logs, of_traces
from collector.otlp.signals import LOGS, TRACES
from kernel.clock import SECOND_US, rfc3339
from tests.collector.conformance.requests import (
    AT_NS,
    JSON,
    KINDS,
    PROTOBUF,
    body,
    fresh,
    log,
    logs,
    pair,
    span,
    traces,
)
from tests.collector.world import World

NOW_US = AT_NS // 1000
STEP_NS = 250_000_000
BEGIN_NS = AT_NS - 600 * 1_000_000_000
FLAG = "new-checkout"
# Semantic conventions 1.34 and later; 1.27 to 1.33; and what OpenFeature's first hooks wrote.
NEW = ("feature_flag.evaluation", "feature_flag.result.variant", "feature_flag.provider.name")
MIDDLE = ("feature_flag.evaluation", "feature_flag.variant", "feature_flag.system")
OLD = ("feature_flag", "feature_flag.variant", "feature_flag.provider_name")
VOCABULARIES = {"new": NEW, "middle": MIDDLE, "old": OLD}


def told(vocabulary: tuple[str, str, str], variant: str, **more: str) -> list[KeyValue]:
    _, variant_name, provider_name = vocabulary
    named = {"feature_flag.key": FLAG, variant_name: variant, provider_name: "flagd", **more}
    return [pair(name, string_value=value) for name, value in named.items()]


def as_logs(vocabulary: tuple[str, str, str], variants: list[str], from_ns: int) -> Any:
    records = [
        log(
            event_name=vocabulary[0],
            time_unix_nano=from_ns + n * STEP_NS,
            trace_id=fresh(),
            span_id=fresh(8),
            attributes=told(vocabulary, variant),
        )
        for n, variant in enumerate(variants)
    ]
    return LOGS, logs(*records, service="payments")


def as_span_events(vocabulary: tuple[str, str, str], variants: list[str], from_ns: int) -> Any:
    spans = []
    for n, variant in enumerate(variants):
        at_ns = from_ns + n * STEP_NS
        event = Span.Event(
            name=vocabulary[0], time_unix_nano=at_ns, attributes=told(vocabulary, variant)
        )
        times = {"start_time_unix_nano": at_ns, "end_time_unix_nano": at_ns + STEP_NS}
        spans.append(span(events=[event], **times))
    return TRACES, traces(*spans, service="payments")


def export(world: World, signal: Any, message: Any, kind: str = PROTOBUF) -> None:
    prepared = world.otlp.prepare(
        signal, body(message, kind), as_json=kind == JSON, encoding="", sender="shop"
    )
    assert prepared.append is not None
    world.writer.append(prepared.append).result(timeout=60)


def shown(world: World) -> list[dict[str, Any]]:
    world.project()
    found: list[dict[str, Any]] = world.client("viewer-token").get("/api/changes").json()["changes"]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("write", [as_logs, as_span_events])
@pytest.mark.parametrize("name", sorted(VOCABULARIES))
def test_a_change_is_found_in_every_vocabulary_signal_and_encoding(
    world: World, name: str, write: Any, kind: str
) -> None:
    vocabulary = VOCABULARIES[name]
    export(world, *write(vocabulary, ["off"] * 80, BEGIN_NS), kind)
    assert shown(world) == []
    onset_ns = BEGIN_NS + 80 * STEP_NS
    export(world, *write(vocabulary, ["on"] * 80, onset_ns), kind)
    [found] = shown(world)
    assert (found["kind"], found["service"], found["source"]) == ("flag", "payments", "shop")
    assert found["summary"] == f"flag {FLAG}: off → on"
    assert found["at"] == rfc3339(onset_ns // 1000)
    attributes = found["attributes"]
    assert (attributes["before"], attributes["after"]) == ("off", "on")
    assert (attributes["flag"], attributes["found_in"]) == (FLAG, "evaluations")


@pytest.mark.parametrize("restart_after", [20, 60, 85, 105, 125])
def test_what_is_known_of_flags_survives_a_restart(world: World, restart_after: int) -> None:
    variants = ["off"] * 80 + ["on"] * 80
    for n in range(0, 160, 5):
        if n == restart_after:
            world.memory.close()
            world.restart()
        export(world, *as_logs(NEW, variants[n : n + 5], BEGIN_NS + n * STEP_NS))
        world.project()
    [found] = shown(world)
    assert found["at"] == rfc3339((BEGIN_NS + 80 * STEP_NS) // 1000)


def test_a_step_that_is_done_again_after_a_crash_shows_nothing_twice(world: World) -> None:
    export(world, *as_logs(NEW, ["off"] * 80 + ["on"] * 80, BEGIN_NS))
    before = shown(world)
    assert len(before) == 1
    world.memory.close()
    for path in (world.folder / "telemetry").glob("changes.db*"):
        path.unlink()
    world.restart()
    assert shown(world) == before


def test_an_old_flag_moved_to_a_new_vocabulary_has_not_changed(world: World) -> None:
    export(world, *as_span_events(OLD, ["off"] * 80, BEGIN_NS))
    export(world, *as_logs(NEW, ["off"] * 80, BEGIN_NS + 80 * STEP_NS))
    assert shown(world) == []


def test_each_service_and_environment_is_a_story_of_its_own(world: World) -> None:
    for n, (environment, variant) in enumerate([("prod", "off"), ("staging", "on")] * 4):
        signal, message = as_logs(NEW, [variant] * 40, BEGIN_NS + n * 40 * STEP_NS)
        resource = message.resource_logs[0].resource
        resource.attributes.append(pair("deployment.environment.name", string_value=environment))
        export(world, signal, message)
    assert shown(world) == []


def test_an_evaluation_that_failed_is_served_an_error() -> None:
    record = log(attributes=[*told(NEW, "off"), pair("error.type", string_value="timeout")])
    [found] = of_logs(logs(record), NOW_US)
    assert found.variant == ERROR_VARIANT


def test_a_value_stands_for_a_variant_that_is_not_named() -> None:
    record = log(
        attributes=[
            pair("feature_flag.key", string_value=FLAG),
            pair("feature_flag.result.value", bool_value=False),
        ]
    )
    [found] = of_logs(logs(record), NOW_US)
    assert (found.key.flag, found.variant) == (FLAG, "false")


def test_a_context_is_remembered_as_a_digest() -> None:
    record = log(attributes=told(NEW, "on", **{"feature_flag.context.id": "ada@example.com"}))
    [found] = of_logs(logs(record), NOW_US)
    assert "ada" not in found.context
    assert len(found.context) == 12


@pytest.mark.parametrize("time_ns", [0, AT_NS + 10**12])
def test_without_a_time_that_can_be_the_time_of_receipt_counts(time_ns: int) -> None:
    record = log(time_unix_nano=time_ns, attributes=told(NEW, "on"))
    [found] = of_logs(logs(record), NOW_US + SECOND_US)
    assert found.at_us == NOW_US + SECOND_US


@pytest.mark.parametrize(
    "attributes",
    [
        [pair("feature_flag.key", string_value=FLAG)],
        [pair("feature_flag.variant", string_value="on")],
        [pair("feature_flag.key", string_value="f" * 201), pair("feature_flag.variant")],
    ],
)
def test_what_names_no_flag_or_serves_nothing_tells_nothing(attributes: list[KeyValue]) -> None:
    event = Span.Event(name="feature_flag", time_unix_nano=AT_NS, attributes=attributes)
    assert of_traces(traces(span(events=[event])), NOW_US) == []
    assert of_logs(logs(log(event_name="feature_flag", attributes=attributes)), NOW_US) == []
