"""A load of everything that a shop sends, and the account of it: acknowledged, stored, counted.

`Load` never gives up on a message and sends each of them twice: batches of payments, exports of all
three signals in protobuf and in JSON (some hold what has to be masked), payment webhooks, alerts.
`Account` looks afterwards: in the journal, in the telemetry store, and by query.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from collector.otlp.json_decode import decode_json
from collector.otlp.signals import BY_FORMAT, METRICS, SIGNALS, TRACES, Signal
from collector.otlp.stored import message_of, plain
from kernel.clock import DAY_US, SECOND_US, SystemClock, parse_rfc3339, rfc3339
from kernel.journal import JournalReader, JournalRecord, Stream
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from tests.collector.sources.signing import STRIPE_SECRET, by_stripe, intent, stripe_event
from tests.faults.inputs import JSON, PROTOBUF, alert_post, document, pair, protobuf
from tests.journeys.running import RunningService
from tests.journeys.shop import now_us, payment, span_export

BATCH = 10
# Of ten attempts: eight good, one failed, one declined.
OUTCOMES = ("succeeded",) * 8 + ("failed", "declined")
COUNTED_AS = {"succeeded": "good", "failed": "bad", "declined": "excluded"}
SECRETS = json.dumps({"stripe/eu": [STRIPE_SECRET]})
CARD, MAIL = "4111111111111111", "ada.lovelace@example.org"
_EVERY_ALERT = 8
_PAGE = 10_000
_EVER_US = 1 << 62


@dataclass(frozen=True)
class Export:
    """One OTLP body. `clean`: nothing in it has to be masked, so that it is stored as it came."""

    mark: str
    signal: Signal
    as_json: bool
    clean: bool
    body: bytes


class Load(threading.Thread):
    """The sender. Public fields are to be read after `close`."""

    def __init__(self, service: RunningService, pace_s: float) -> None:
        super().__init__(name="load", daemon=True)
        self._pace_s = pace_s
        headers = {"Authorization": f"Bearer {service.token}"}
        self._main, self._otlp = (
            httpx2.Client(base_url=url, headers=headers, timeout=10, trust_env=False)
            for url in (service.url, service.otlp_url)
        )
        self._closing = threading.Event()
        self.rounds = 0
        self.retries = 0
        self.faults: list[str] = []
        self.exports: dict[str, Export] = {}
        self.alerts: list[str] = []

    def run(self) -> None:
        while not self._closing.is_set():
            number = self.rounds
            self._events(_batch(number))
            self._span(number)
            for export in _exports(number):
                self._twice(lambda one=export: self._export(one))
                self.exports[export.mark] = export
            self._twice(lambda number=number: self._webhook(number))
            if number % _EVERY_ALERT == 0:
                self._alert(f"Load{number}")
            self.rounds += 1
            self._closing.wait(self._pace_s)

    def close(self) -> None:
        """End after the round in hand."""
        self._closing.set()
        self.join(timeout=90)
        assert not self.is_alive()
        self._main.close()
        self._otlp.close()

    def payments(self) -> set[str]:
        """The ids of all payments that were acknowledged."""
        places = [*map(str, range(BATCH)), "span", "hook"]
        return {f"pay-{number}-{place}" for number in range(self.rounds) for place in places}

    def expected(self) -> dict[str, int]:
        """What the ledger has to say in the end: a span and a webhook a round are good too."""
        found = {
            name: self.rounds * OUTCOMES.count(outcome) for outcome, name in COUNTED_AS.items()
        }
        found["good"] += 2 * self.rounds
        return found

    def _events(self, batch: list[dict[str, Any]]) -> None:
        def send() -> httpx2.Response:
            return self._main.post("/api/events", json=batch)

        first, second = self._sent(send).json(), self._sent(send).json()
        if first["accepted"] + first["duplicates"] != BATCH:
            self.faults.append(f"not all taken: {first}")
        if (second["accepted"], second["duplicates"]) != (0, BATCH):
            self.faults.append(f"an acknowledged batch was taken again: {second}")

    def _span(self, number: int) -> None:
        """A payment that nothing else tells of."""
        told = {
            "tillwatch.payment_id": f"pay-{number}-span",
            "tillwatch.checkout_id": f"co-{number}-span",
            "tillwatch.provider": "stripe",
        }
        export = span_export(f"{number + 1:016x}" * 2, told, now_us())
        self._twice(lambda: self._otlp.post("/v1/traces", json=export))

    def _export(self, export: Export) -> httpx2.Response:
        headers = {"Content-Type": JSON if export.as_json else PROTOBUF}
        return self._otlp.post(export.signal.path, content=export.body, headers=headers)

    def _webhook(self, number: int) -> httpx2.Response:
        """Signed anew each time, as Stripe does."""
        name = f"pay-{number}-hook"
        thing = intent(id=f"pi_{name}", metadata={"payment_id": name, "checkout_id": f"co-{name}"})
        now_s = now_us() // SECOND_US
        event = stripe_event("payment_intent.succeeded", thing, f"evt_{name}", now_s)
        signed = by_stripe(event, at_s=now_s)
        return self._main.post(signed.address, content=signed.body, headers=dict(signed.headers))

    def _alert(self, name: str) -> None:
        post = alert_post(name, f"card {CARD} of {MAIL} was declined")
        self._twice(lambda: self._main.post("/webhooks/alertmanager", json=post))
        self.alerts.append(name)

    def _twice(self, send: Callable[[], httpx2.Response]) -> None:
        for _ in range(2):
            answer = self._sent(send)
            if "partialSuccess" in answer.text or "rejected" in answer.text.replace(
                '"rejected":[]', ""
            ):
                self.faults.append(answer.text)

    def _sent(self, send: Callable[[], httpx2.Response]) -> httpx2.Response:
        """Until it is acknowledged; what is refused for good is a fault, and is let go."""
        while True:
            try:
                answer = send()
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code not in {502, 503, 504}:
                if answer.status_code not in {200, 202}:
                    self.faults.append(f"{answer.status_code}: {answer.text[:300]}")
                return answer
            self.retries += 1
            threading.Event().wait(0.05)


def _batch(number: int) -> list[dict[str, Any]]:
    """Payments through stripe or adyen, all of this moment."""
    at_us = now_us()
    return [
        payment(
            f"pay-{number}-{place}",
            outcome,
            at_us=at_us,
            provider="adyen" if place % 2 else "stripe",
        )
        for place, outcome in enumerate(OUTCOMES)
    ]


def _exports(number: int) -> Iterator[Export]:
    """All signals in both forms; in each round the other half of them holds something to mask."""
    for place, (signal, as_json) in enumerate(
        (signal, as_json) for signal in SIGNALS for as_json in (False, True)
    ):
        clean = (number + place) % 2 == 0
        mark = f"load-{number}-{signal.name}-{'json' if as_json else 'protobuf'}"
        filling = "all is well" if clean else f"card {CARD} of {MAIL} was declined"
        told = document(signal, mark, filling)
        (groups,) = told.values()
        if signal is TRACES:
            # A `charge` of the service `payments` would tell of one more payment.
            groups[0]["scopeSpans"][0]["spans"][0]["name"] = "look up"
        if not clean:
            groups[0]["resource"]["attributes"].append(pair("user.email", MAIL))
        body = json.dumps(told).encode() if as_json else protobuf(signal, told)
        yield Export(mark, signal, as_json, clean, body)


class Account:
    """What a service has of a load, place by place: {name: how often}.

    `as_it_came`: exports of which the journal has the very bytes.
    """

    def __init__(self, service: RunningService, load: Load) -> None:
        self._service = service
        self._load = load
        self.as_it_came = 0

    def payments(self) -> Counter[str]:
        """By query: newest first, page after page."""
        found: Counter[str] = Counter()
        for kind in ("payment.succeeded", "payment.failed"):
            found.update(one["payment_id"] for one in self._events(kind))
        return found

    def journal(self) -> tuple[Counter[str], list[str]]:
        """The marks of all exports in the journal, and what is wrong with their records."""
        found: Counter[str] = Counter()
        faults: list[str] = []
        for record in self._records():
            for mark in _marks(record):
                found[mark] += 1
                export = self._load.exports.get(mark)
                faults += _differs(record, export)
                self.as_it_came += export is not None and plain(record) == export.body
        return found, faults

    def rows(self) -> Counter[str]:
        """The marks of all spans, log records and points in the telemetry store."""
        store = SqliteTelemetryStore(self._service.data_dir / "telemetry", SystemClock())
        try:
            reach = {"from_us": now_us() - DAY_US, "to_us": _EVER_US, "limit": 1_000_000}
            rows = [*store.spans(**reach), *store.logs(**reach), *store.metrics(**reach)]
            return Counter(str(row.attributes["mark"]) for row in rows if "mark" in row.attributes)
        finally:
            store.close()

    def alerts(self) -> Counter[str]:
        """By query: the names of all alerts of all incidents."""
        client = self._service.client
        found: Counter[str] = Counter()
        for line in client.get("/api/incidents", limit=200)["incidents"]:
            names = [
                one["labels"].get("alertname", "")
                for one in client.get(f"/api/incidents/{line['id']}")["alerts"]
            ]
            found.update(name for name in names if name.startswith("Load"))
        return found

    def _events(self, kind: str) -> Iterator[Mapping[str, Any]]:
        """Pages are cut between two times, so that none is told twice."""
        until: dict[str, str] = {}
        while True:
            asked = {"type": kind, "since": "1d", "limit": _PAGE, **until}
            page = self._service.client.get("/api/events", **asked)["events"]
            if len(page) < _PAGE:
                yield from page
                return
            last = page[-1]["time"]
            assert last != page[0]["time"], "a page of one moment cannot be cut"
            yield from (one for one in page if one["time"] != last)
            until = {"until": rfc3339(parse_rfc3339(last) + 1)}

    def _records(self) -> Iterator[JournalRecord]:
        reader = JournalReader(self._service.data_dir / "journal.db")
        try:
            after = 0
            while records := reader.read([Stream.RAW], after):
                yield from (one for one in records if one.format in BY_FORMAT)
                after = records[-1].position
        finally:
            reader.close()


def _marks(record: JournalRecord) -> list[str]:
    message = message_of(record)
    signal = BY_FORMAT[record.format]
    groups, scopes, items = signal.items
    found: list[str] = []
    for group in getattr(message, groups):
        for scope in getattr(group, scopes):
            for item in getattr(scope, items):
                holders = item.gauge.data_points if signal is METRICS else [item]
                found += [
                    pair.value.string_value
                    for holder in holders
                    for pair in holder.attributes
                    if pair.key == "mark"
                ]
    return found


def _differs(record: JournalRecord, export: Export | None) -> list[str]:
    """Clean bodies say what they said; of the others what had to be masked is gone."""
    if export is None:
        return []
    if export.clean:
        return [] if message_of(record) == _decoded(export) else [f"{export.mark}: it changed"]
    left = [secret for secret in (CARD, MAIL) if secret.encode() in plain(record)]
    return [f"{export.mark}: {secret} is stored" for secret in left]


def _decoded(export: Export) -> Any:
    message = export.signal.request()
    if export.as_json:
        return decode_json(export.body, message)
    message.ParseFromString(export.body)
    return message
