"""The shop's switches over HTTP: what a runbook step talks to."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from app.demo.flags import ShopSwitches, SwitchServer, serve_switches
from kernel.clock import FrozenClock

KEY = "payment-routing.eu-central"


class Shop:
    def __init__(self) -> None:
        self.faults = 0
        self.switches = ShopSwitches(FrozenClock(), {KEY: "balanced"})
        self.server: SwitchServer = serve_switches(self.switches, 0, self._fault)
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{self.server.server_port}", trust_env=False
        )

    def _fault(self) -> None:
        self.faults += 1


@pytest.fixture
def shop() -> Iterator[Shop]:
    found = Shop()
    yield found
    found.http.close()
    found.server.shutdown()
    found.server.server_close()


def test_a_flag_is_read_and_set(shop: Shop) -> None:
    assert shop.http.get(f"/flags/{KEY}").json() == {"key": KEY, "value": "balanced"}
    answer = shop.http.put(f"/flags/{KEY}", json={"key": KEY, "value": "stripe"})
    assert answer.json() == {"key": KEY, "value": "stripe"}
    assert shop.switches.flag(KEY) == "stripe"


def test_the_same_idempotency_key_switches_once(shop: Shop) -> None:
    headers = {"Idempotency-Key": "action-1"}
    shop.http.put(f"/flags/{KEY}", json={"value": "stripe"}, headers=headers)
    shop.http.put(f"/flags/{KEY}", json={"value": "adyen"}, headers=headers)
    assert shop.switches.flag(KEY) == "stripe"
    assert len(shop.switches.history) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/flags/unknown", 404), ("PUT", "/flags/unknown", 404), ("GET", "/x", 404)],
)
def test_what_is_not_there_is_404(shop: Shop, method: str, path: str, status: int) -> None:
    assert shop.http.request(method, path, json={"value": "a"}).status_code == status


def test_a_put_without_a_text_value_is_refused_and_changes_nothing(shop: Shop) -> None:
    assert shop.http.put(f"/flags/{KEY}", json={"value": 7}).status_code == 400
    assert shop.http.put(f"/flags/{KEY}", content=b"not json").status_code == 400
    assert shop.switches.flag(KEY) == "balanced"


def test_the_onset_is_written_once_when_the_fault_is_switched_on(shop: Shop) -> None:
    first = shop.http.post("/fault").json()["onset"]
    again = shop.http.post("/fault").json()["onset"]
    assert first == again == shop.http.get("/state").json()["onset"]
    assert shop.faults == 2
