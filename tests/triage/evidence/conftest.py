"""A generated evening at the till: adyen fails in eu-central, just after an unrelated deploy."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from kernel.clock import MINUTE_US, SECOND_US, FrozenClock
from kernel.shop_event import ShopEvent
from kernel.telemetry_store.port import Batch, ChangeRow, EventRow, SpanRow
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from triage.evidence.evidence import IncidentContext

ONSET_US = 1_795_010_530 * SECOND_US
COUNTRIES = {"eu-central": ["DE", "AT", "CH"], "eu-west": ["FR", "NL", "GB"], "us-east": ["US"]}


@dataclass
class Till:
    """A store with a story in it."""

    store: SqliteTelemetryStore
    clock: FrozenClock
    context: IncidentContext
    onset_us: int


def payment(draw: random.Random, item: int, time_us: int, *, fault: bool) -> ShopEvent:
    region = draw.choice(list(COUNTRIES))
    provider = draw.choice(["adyen", "stripe"])
    hit = fault and provider == "adyen" and region == "eu-central"
    failed = draw.random() < (0.9 if hit else 0.004)
    declined = not failed and draw.random() < 0.05
    return ShopEvent(
        id=f"e{item}",
        source="shop",
        type="payment.failed" if failed or declined else "payment.succeeded",
        time_us=time_us,
        payment_id=f"pay-{item}",
        checkout_id=f"co-{item}",
        trace_id=f"{item:032x}",
        amount_minor=draw.randrange(1_000, 20_000),
        currency="EUR",
        provider=provider,
        region=region,
        country=draw.choice(COUNTRIES[region]),
        method=draw.choice(["card", "card", "card", "redirect"]),
        release="4.1.0",
        decline_class="technical" if failed else "issuer" if declined else "",
        error_type=draw.choice(["provider_timeout"] * 3 + ["provider_5xx"]) if failed else "",
        attributes={"browser": draw.choice(["firefox", "chrome", "safari"]), "node": item % 4},
    )


def spans_of(event: ShopEvent, item: int) -> list[SpanRow]:
    bad = event.decline_class == "technical"
    slow_us = 3_000_000 if bad else 90_000
    start = event.time_us - slow_us - 20_000

    def span(n: int, parent: str, service: str, name: str, at: tuple[int, int]) -> SpanRow:
        status = "error" if bad else "ok"
        return SpanRow(
            item, n, event.trace_id, f"{item:08x}{n:08x}", parent, service, name, "server",
            start + at[0], start + at[1], status, "",
        )  # fmt: skip

    root = span(1, "", "checkout", "POST /checkout", (0, slow_us + 20_000))
    charge = span(2, root.span_id, "payments", "charge", (5_000, slow_us + 15_000))
    call = span(3, charge.span_id, "payments", "call adyen", (10_000, slow_us + 10_000))
    return [root, charge, call]


@pytest.fixture(scope="session")
def till(tmp_path_factory: pytest.TempPathFactory) -> Till:
    draw = random.Random(7)
    clock = FrozenClock(ONSET_US + 90 * SECOND_US)
    store = SqliteTelemetryStore(tmp_path_factory.mktemp("telemetry"), clock, retention_d=7)
    events, spans = [], []
    first_us = ONSET_US - 20 * MINUTE_US
    step_us = SECOND_US // 6
    for item in range((clock.now_us() - first_us) // step_us):
        time_us = first_us + item * step_us
        event = payment(draw, item, time_us, fault=time_us >= ONSET_US)
        events.append(EventRow(1, item, time_us, event))
        if time_us >= ONSET_US - MINUTE_US:
            spans += spans_of(event, item)
    change = ChangeRow(
        2, 0, ONSET_US - 40 * SECOND_US, "deploy", "recommendations", "New ranking", "2.1.0"
    )
    store.write(Batch(cursor=2, events=events, spans=spans, changes=[change]))
    context = IncidentContext(
        incident_id="inc",
        title="Payments fail",
        service="payments",
        onset_us=ONSET_US + 20 * SECOND_US,
        now_us=clock.now_us(),
        objective_ids=("payment-success",),
        labels={"alertname": "PaymentSuccessFast", "severity": "page"},
    )
    return Till(store, clock, context, ONSET_US)
