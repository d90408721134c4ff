"""Who made the newest change of a service, and whether anybody here is known by that name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from access.principal import Role, local_principal
from access.service import AccessService
from access.settings import AccessSettings
from app.change_authors import ShopChanges
from audit.log import AuditLog
from audit.settings import AuditSettings
from kernel.clock import DAY_US, SECOND_US, FrozenClock
from kernel.database import Database
from kernel.errors import BadInput, Conflict, Unavailable
from kernel.telemetry_store.port import Batch, ChangeRow
from kernel.telemetry_store.sqlite_store import SqliteTelemetryStore
from runbooks.ports import ChangeAuthor


class Shop:
    """A telemetry store with changes in it, and the people who are known."""

    def __init__(self, folder: Path) -> None:
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{folder / 'control.db'}")
        self.database.create_all()
        log = AuditLog(self.database, self.clock, AuditSettings(data_dir=folder))
        self.access = AccessService(self.database, log, self.clock, AccessSettings())
        self.store = SqliteTelemetryStore(folder / "telemetry", self.clock, 30)
        self.changes = ShopChanges(self.store, self.access, self.clock)
        self._position = 0

    def deploy(self, author: str, *, service: str = "checkout", ago_us: int = SECOND_US) -> None:
        self._position += 1
        at_us = self.clock.now_us() - ago_us
        row = ChangeRow(self._position, 0, at_us, "deploy", service, "v2", author=author)
        self.store.write(Batch(self._position, changes=[row]))

    def close(self) -> None:
        self.store.close()
        self.database.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


def test_the_newest_change_of_that_service_counts(shop: Shop) -> None:
    shop.deploy("old", ago_us=3_600 * SECOND_US)
    shop.deploy("ben")
    shop.deploy("other", service="cart")
    assert shop.changes.last_author("checkout") == ChangeAuthor("ben", "")


@pytest.mark.parametrize("author", ["ben", "Ben", " BEN "])
def test_an_author_who_has_a_persons_name_is_that_person(shop: Shop, author: str) -> None:
    ben = shop.access.create_person("ben", [Role.OWNER])
    shop.deploy(author)
    found = shop.changes.last_author("checkout")
    assert found is not None
    assert found.person_id == ben


def test_a_machine_of_that_name_is_nobody(shop: Shop) -> None:
    shop.access.create_person("ci-bot", [Role.INGEST], kind="machine")
    shop.deploy("ci-bot")
    assert shop.changes.last_author("checkout") == ChangeAuthor("ci-bot", "")


def test_without_an_author_or_a_change_nobody_is_named(shop: Shop) -> None:
    assert shop.changes.last_author("checkout") is None
    shop.deploy("long-ago", ago_us=8 * DAY_US)
    assert shop.changes.last_author("checkout") is None
    shop.deploy("")
    assert shop.changes.last_author("checkout") is None


def test_a_store_that_is_away_names_nobody(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**_: int) -> list[ChangeRow]:
        raise Unavailable("the telemetry store is away")

    monkeypatch.setattr(shop.store, "changes", away)
    assert shop.changes.last_author("checkout") is None


def test_an_author_of_another_name_is_linked_to_a_person_once(shop: Shop) -> None:
    ben = shop.access.create_person("ben", [Role.OWNER])
    ada = shop.access.create_person("ada", [Role.OWNER])
    shop.deploy("Octo-Ben")
    assert shop.changes.last_author("checkout") == ChangeAuthor("Octo-Ben", "")
    shop.access.link_author(ben, "octo-ben", by=local_principal())
    shop.access.link_author(ben, "octo-ben", by=local_principal())
    assert shop.changes.last_author("checkout") == ChangeAuthor("Octo-Ben", ben)
    with pytest.raises(Conflict, match="somebody else"):
        shop.access.link_author(ada, "OCTO-BEN", by=local_principal())
    with pytest.raises(BadInput, match="printable"):
        shop.access.link_author(ada, "\n", by=local_principal())


def test_a_link_wins_over_a_name_that_somebody_else_has(shop: Shop) -> None:
    """Whoever is named like another person's account must not stand for them."""
    ben = shop.access.create_person("ben", [Role.OWNER])
    shop.access.create_person("octo-ben", [Role.OWNER])
    shop.access.link_author(ben, "octo-ben", by=local_principal())
    shop.deploy("octo-ben")
    assert shop.changes.last_author("checkout") == ChangeAuthor("octo-ben", ben)
