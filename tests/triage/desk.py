"""A whole triage on real stores in one folder, with a clock that stands still."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from access.principal import Principal, Role
from access.service import AccessService
from access.settings import AccessSettings
from audit.log import AuditLog
from audit.settings import AuditSettings
from kernel.clock import MINUTE_US, FrozenClock, rfc3339
from kernel.database import Database
from kernel.errors import NotFound
from kernel.facts import FactDispatcher, publish
from kernel.facts.bus import Fact, FactRow
from kernel.facts.slo import BurnAlertClosed, BurnAlertOpened
from kernel.journal import Append, Item, JournalReader, JournalWriter, Stream
from kernel.outbox import DeliveryRow, Outbox
from slo.money.schemas import RateOut
from slo.volume.account import Missing
from triage.admission import Admission
from triage.identity import Delivery
from triage.intake import AlertIntake, burn_alerts
from triage.second_channel import SecondChannel
from triage.service import IncidentService
from triage.settings import TriageSettings
from triage.upkeep import Upkeep


@dataclass(frozen=True)
class Sums:
    """An impact."""

    bad: int = 0
    total: int = 0
    lost: Mapping[str, int] = field(default_factory=dict)
    bad_minor: Mapping[str, int] = field(default_factory=dict)


class Till:
    """The account of the till: objectives that are known, that burn, and what was lost."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self.burns: set[str] = set()
        self.sums: dict[str, Sums] = {}
        self.fails_for: set[str] = set()
        self.rates: dict[str, list[RateOut]] = {}
        self.gone: dict[tuple[str, str], Missing] = {}

    def burning(self, objective_id: str, segment: Mapping[str, str]) -> bool:
        if objective_id in self.fails_for:
            raise RuntimeError(f"cannot answer for {objective_id}")
        if objective_id not in self.known:
            raise NotFound(f"no objective {objective_id}")
        return objective_id in self.burns

    def impact(
        self, objective_id: str, segment: Mapping[str, str], from_us: int, to_us: int
    ) -> Sums:
        assert from_us < to_us
        assert from_us % 5_000_000 == to_us % 5_000_000 == 0
        if objective_id not in self.sums:
            raise NotFound(f"no objective {objective_id}")
        return self.sums[objective_id]

    def lost_rates(self, objective_id: str, from_us: int, to_us: int) -> list[RateOut]:
        assert from_us < to_us
        return self.rates.get(objective_id, [])

    def missing(
        self, objective_id: str, since_us: int, until_us: int, source: str = ""
    ) -> Missing | None:
        assert since_us < until_us
        return self.gone.get((objective_id, source))


class Desk:
    """Stores, services and consumers, wired as an engine wires them."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = FrozenClock()
        self.database = Database(f"sqlite:///{folder / 'control.db'}")
        self.settings = TriageSettings(**settings)
        self.audit = AuditLog(self.database, self.clock, AuditSettings(data_dir=folder))
        self.access = AccessService(self.database, self.audit, self.clock, AccessSettings())
        self.till = Till()
        self.second = SecondChannel(self.settings, "https://tillwatch.test", self.clock)
        self.admission = Admission(self.clock, self.audit, self.settings, self.second, self.till)
        self.notices: list[tuple[str, str]] = []
        self.incidents = IncidentService(
            self.database,
            self.clock,
            self.audit,
            self.admission,
            notice=self._notice,
            people=self.access,
        )
        self.database.create_all()
        self.journal = JournalWriter(folder / "journal.db", self.clock)
        self.reader = JournalReader(folder / "journal.db")
        self.intake = AlertIntake(self.database, self.reader, self.admission, self.clock)
        self.errors: list[str] = []
        self.facts = FactDispatcher(
            self.database, self.clock, lambda who, text: self.errors.append(f"{who}: {text}")
        )
        self.facts.subscribe(burn_alerts(self.admission, self.second))
        self.outbox = Outbox(self.database, self.clock)
        self.upkeep = Upkeep(self.database, self.clock, self.admission, self.second, self._notice)

    def _notice(self, _session: Session, key: str, text: str) -> None:
        self.notices.append((key, text))

    def close(self) -> None:
        self.journal.close()
        self.reader.close()
        self.database.close()

    def person(self, name: str, *roles: Role) -> str:
        """A token of a new person (a machine where the role is ingest)."""
        kind = "machine" if Role.INGEST in roles else "person"
        person_id = self.access.create_person(name, roles, kind=kind)
        return self.access.create_token(person_id)

    def somebody(self, name: str, *roles: Role) -> Principal:
        """A new person as the service sees them; a responder where no role is named."""
        return self.access.authenticate_bearer(self.person(name, *(roles or (Role.RESPONDER,))))

    def post(self, body: bytes) -> None:
        """Store a post as the endpoint does."""
        self.journal.append(
            Append(Stream.ALERT, "alertmanager", "alertmanager-v4", [Item(body)], whole=True)
        ).result(timeout=60)

    def take(self) -> None:
        """Let the consumers work until nothing is left."""
        while self.intake.step():
            pass
        while self.facts.step():
            pass

    def tell(self, *told: Delivery) -> None:
        for one in told:
            with self.database.unit_of_work() as session:
                self.admission.tell(session, one)

    def burn(self, alert_id: str, objective: str, service: str, **more: Any) -> BurnAlertOpened:
        """A burn alert that opens now."""
        now_us = self.clock.now_us()
        fact = BurnAlertOpened(
            **{
                "alert_id": alert_id,
                "objective_id": objective,
                "service": service,
                "display_name": "Payments succeed",
                "tier": "fast",
                "page": True,
                "segment": {},
                "opened_us": now_us,
                "onset_us": now_us - MINUTE_US // 2,
                "reason": "40 of 60 bad in 30 s",
                "bad": 40,
                "total": 60,
                "burn_rate": 133.3,
                **more,
            }
        )
        self.publish(fact)
        self.take()
        return fact

    def burnt_out(self, fact: BurnAlertOpened) -> None:
        """That burn alert closes now."""
        self.publish(
            BurnAlertClosed(
                alert_id=fact.alert_id,
                objective_id=fact.objective_id,
                service=fact.service,
                tier=fact.tier,
                segment=fact.segment,
                closed_us=self.clock.now_us(),
                reason="quiet",
            )
        )
        self.take()

    def publish(self, fact: Fact) -> None:
        with self.database.unit_of_work() as session:
            publish(session, fact, self.clock.now_us())

    def published(self, kind: type[Fact]) -> list[dict[str, Any]]:
        with self.database.reading() as session:
            rows = session.exec(select(FactRow).where(FactRow.name == kind.name)).all()
        return [row.payload for row in rows]

    def deliveries(self, channel: str) -> list[DeliveryRow]:
        with self.database.reading() as session:
            return list(
                session.exec(select(DeliveryRow).where(DeliveryRow.channel == channel)).all()
            )


def alert(
    fingerprint: str, starts_us: int, *, ends_us: int | None = None, **labels: str
) -> dict[str, Any]:
    """One alert as Alertmanager sends it."""
    return {
        "status": "firing" if ends_us is None else "resolved",
        "labels": {"alertname": "PaymentBurnFast", "severity": "page", **labels},
        "annotations": {"summary": "payments burn"},
        "startsAt": rfc3339(starts_us),
        "endsAt": "0001-01-01T00:00:00Z" if ends_us is None else rfc3339(ends_us),
        "generatorURL": "http://prometheus/graph",
        "fingerprint": fingerprint,
    }


def post(*alerts: Any, group_key: str = "{}:{}") -> bytes:
    """A webhook body of version 4."""
    return json.dumps(
        {
            "version": "4",
            "receiver": "tillwatch",
            "status": "firing",
            "groupKey": group_key,
            "truncatedAlerts": 0,
            "alerts": list(alerts),
        }
    ).encode()
