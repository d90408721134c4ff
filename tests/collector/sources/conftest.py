"""A collector with one configured source of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kernel.shop_event import ShopEvent
from tests.collector.sources.signing import SECRETS, Signed
from tests.collector.world import World


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, webhook_secrets=SECRETS)
    yield made
    made.close()


@pytest.fixture
def client(hooks) -> Iterator[TestClient]:
    with hooks.client("") as found:
        yield found


@pytest.fixture
def send(client) -> Callable:
    """Deliver as a provider does: without any token of ours."""

    def deliver(signed: Signed, **headers: str):
        return client.post(
            signed.address, content=signed.body, headers={**signed.headers, **headers}
        )

    return deliver


@pytest.fixture
def told(hooks, send) -> Callable[..., list[ShopEvent]]:
    """Deliver, and give all events that were found so far, oldest first."""

    def deliver(*deliveries: Signed) -> list[ShopEvent]:
        for one in deliveries:
            assert send(one).is_success, one
        hooks.project()
        rows = hooks.store.events(from_us=0, to_us=1 << 62)
        return [row.event for row in sorted(rows, key=lambda row: (-row.position, row.item))]

    return deliver
